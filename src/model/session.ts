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
   */
  async run(
    tokens: Int32Array,
    batch: number,
    length: number,
    inputs: Readonly<Record<string, Values>> = {},
  ): Promise<Record<string, TapData>> {
    const given: Readonly<Record<string, Values>> = {
      ...inputs,
      tokens: { data: tokens, shape: [batch, length] },
    };
    const outputs = await this.#session.run(
      Object.fromEntries(this.#program.inputs.map((name) => [name, given[name]!])),
    );
    const taps: Record<string, TapData> = {};
    for (const [tap, wire] of Object.entries(this.#program.outputs)) {
      const { data, shape } = outputs[wire]!;
      taps[tap] = { data: data as Float32Array, shape };
    }
    return taps;
  }

  close(): Promise<void> {
    return this.#session.close();
  }
}
