import { type Crew, connectAll } from '../../base/worker.ts';
import type { EncodeJob, Segment } from './encoder.ts';
import type { Layout } from './layout.ts';
import type { StepMethods, StepSetup } from './step-worker.ts';

/** The methods that answer with a number: all but `encode` and `ready`. */
type Task = Exclude<keyof StepMethods, 'encode' | 'ready'>;

/** Worker threads over one shared memory, all doing the same task at a time. */
export class Pool {
  readonly #crew: Crew<StepMethods>;
  readonly #counter: Int32Array;
  readonly #pairCost: Int32Array;

  private constructor({ memory, counter, pairCost }: Layout, crew: Crew<StepMethods>) {
    this.#counter = new Int32Array(memory.buffer, counter, 1);
    this.#pairCost = new Int32Array(memory.buffer, pairCost, 1);
    this.#crew = crew;
  }

  static async start(layout: Layout, stride: number): Promise<Pool> {
    const { memory, params, counter, pairCost } = layout;
    const setups = layout.scratch.map(
      (scratch): StepSetup => ({ memory, params, counter, pairCost, scratch, stride }),
    );
    const crew = connectAll<StepMethods>(new URL('./step-worker.js', import.meta.url), setups);
    try {
      await crew.callAll('ready', undefined as never);
    } catch (error) {
      await crew.close();
      throw error;
    }
    return new Pool(layout, crew);
  }

  get threads(): number {
    return this.#crew.size;
  }

  /** Runs a task on all threads; resolves with the largest result. */
  async run<T extends Task>(task: T, argument: Parameters<StepMethods[T]>[0]): Promise<number> {
    Atomics.store(this.#counter, 0, 0);
    const results: readonly number[] = await this.#crew.callAll<Task>(task, argument);
    return Math.max(...results);
  }

  /** Runs an encode task; resolves with the threads' segments, or null where the pairs cost more than `limit`. */
  async encode(job: EncodeJob, limit: number): Promise<Segment[] | null> {
    Atomics.store(this.#counter, 0, 0);
    Atomics.store(this.#pairCost, 0, 0);
    const segments = (await this.#crew.callAll('encode', { job, limit })).flat();
    return Atomics.load(this.#pairCost, 0) > limit ? null : segments;
  }

  async close(): Promise<void> {
    await this.#crew.close();
  }
}
