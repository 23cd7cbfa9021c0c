import type { Backend, BackendSession, Values } from './backend.ts';
import type { Program } from './compile.ts';

/** One tap's values, row-major [batch, position, width]. */
export interface TapData {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** A compiled program that runs in the thread that calls it (a run blocks that thread). */
export class Session {
  readonly #session: BackendSession;
  readonly #program: Program;
  /** Shapes of the outputs of the last run. */
  #last: { batch: number; length: number; shapes: ReadonlyMap<string, readonly number[]> } | null = null;

  private constructor(session: BackendSession, program: Program) {
    this.#session = session;
    this.#program = program;
  }

  static async open(backend: Backend, program: Program, threads: number): Promise<Session> {
    return new Session(await backend.open(program, { threads }), program);
  }

  /**
   * Runs `batch` rows of `length` tokens each.
   * @param inputs those that the program has beside the tokens
   * @param spare memory that the taps may lie in
   */
  async run(
    tokens: Int32Array,
    batch: number,
    length: number,
    inputs: Readonly<Record<string, Values>> = {},
    spare: readonly ArrayBuffer[] = [],
  ): Promise<Record<string, TapData>> {
    const given: Readonly<Record<string, Values>> = {
      ...inputs,
      tokens: { data: tokens, shape: [batch, length] },
    };
    const into = this.#fit(batch, length, spare);
    const ran = await this.#session.run(
      Object.fromEntries(this.#program.inputs.map((name) => [name, given[name]!])),
      into ?? undefined,
    );
    const outputs = into ?? ran;
    const shapes = new Map(Object.entries(outputs).map(([wire, { shape }]) => [wire, shape]));
    this.#last = { batch, length, shapes };
    const taps: Record<string, TapData> = {};
    for (const [tap, wire] of Object.entries(this.#program.outputs)) {
      const { data, shape } = outputs[wire]!;
      taps[tap] = { data: data as Float32Array, shape };
    }
    return taps;
  }

  /** Places for all outputs of a run like the last one; null where the memory is not enough. */
  #fit(batch: number, length: number, spare: readonly ArrayBuffer[]): Record<string, Values> | null {
    if (spare.length === 0 || this.#last?.batch !== batch || this.#last.length !== length) return null;
    const free = [...spare];
    const into: Record<string, Values> = {};
    for (const [wire, shape] of this.#last.shapes) {
      const bytes = Float32Array.BYTES_PER_ELEMENT * shape.reduce((a, b) => a * b, 1);
      const at = free.findIndex(({ byteLength }) => byteLength === bytes);
      if (at < 0) return null;
      into[wire] = { data: new Float32Array(free.splice(at, 1)[0]!), shape };
    }
    return into;
  }

  close(): Promise<void> {
    return this.#session.close();
  }
}
