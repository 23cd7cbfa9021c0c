import { Worker } from 'node:worker_threads';
import { type ErrorCode, PolysemeError } from '../../errors.ts';
import type { EncodeJob, Segment } from './encoder.ts';
import type { Layout } from './layout.ts';
import type { Task, WorkerSetup } from './step-worker.ts';

interface Reply {
  readonly result?: unknown;
  readonly error?: string;
  /** Of a PolysemeError. */
  readonly code?: ErrorCode;
}

/** Worker threads over one shared memory, all doing the same task at a time. */
export class Pool {
  readonly #workers: readonly Worker[];
  readonly #counter: Int32Array;
  readonly #found: Int32Array;
  readonly #waiting = new Map<
    Worker,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  #failure: Error | undefined;

  private constructor(layout: Layout, stride: number) {
    this.#counter = new Int32Array(layout.memory.buffer, layout.counter, 1);
    this.#found = new Int32Array(layout.memory.buffer, layout.found, 1);
    this.#workers = layout.scratch.map((scratch) => {
      const { memory, params, counter, found } = layout;
      const setup: WorkerSetup = { memory, params, counter, found, scratch, stride };
      const worker = new Worker(new URL('./step-worker.js', import.meta.url), {
        workerData: setup,
        // The process's own flags may not suit a file (--input-type).
        execArgv: [],
      });
      worker.on('message', ({ result, error, code }: Reply) => {
        const waiting = this.#waiting.get(worker);
        this.#waiting.delete(worker);
        if (error === undefined) waiting?.resolve(result);
        else waiting?.reject(code === undefined ? new Error(error) : new PolysemeError(error, code));
      });
      worker.on('error', (error) => this.#fail(error as Error));
      worker.on('exit', () =>
        this.#fail(
          new PolysemeError('SAE training: a thread ended early; the trainer takes no further step'),
        ),
      );
      return worker;
    });
  }

  static async start(layout: Layout, stride: number): Promise<Pool> {
    const pool = new Pool(layout, stride);
    try {
      await Promise.all(pool.#workers.map((worker) => pool.#reply(worker)));
    } catch (error) {
      await Promise.all(pool.#workers.map((worker) => worker.terminate()));
      throw error;
    }
    // A trainer that is not closed does not keep the process alive.
    for (const worker of pool.#workers) worker.unref();
    return pool;
  }

  get threads(): number {
    return this.#workers.length;
  }

  /** Runs a task on all threads; resolves with the largest result. */
  async run(task: Exclude<Task, { name: 'encode' }>): Promise<number> {
    return Math.max(...((await this.#all(task)) as number[]));
  }

  /** Runs an encode task; resolves with the threads' segments, or null where the pairs cost more than `limit`. */
  async encode(job: EncodeJob, limit: number): Promise<Segment[] | null> {
    Atomics.store(this.#found, 0, 0);
    const segments = ((await this.#all({ name: 'encode', job, limit })) as Segment[][]).flat();
    return Atomics.load(this.#found, 0) > limit ? null : segments;
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#workers.map(async (worker) => {
        worker.ref();
        worker.removeAllListeners('exit');
        const exit = new Promise((resolve) => worker.once('exit', resolve));
        worker.postMessage('close');
        await exit;
      }),
    );
  }

  async #all(task: Task): Promise<unknown[]> {
    if (this.#failure) throw this.#failure;
    Atomics.store(this.#counter, 0, 0);
    for (const worker of this.#workers) worker.ref();
    try {
      // All end before an error is passed on: a late reply would be taken for the next task's.
      const ended = await Promise.allSettled(
        this.#workers.map((worker) => {
          const reply = this.#reply(worker);
          worker.postMessage(task);
          return reply;
        }),
      );
      return ended.map((one) => {
        if (one.status === 'rejected') throw one.reason;
        return one.value;
      });
    } finally {
      for (const worker of this.#workers) worker.unref();
    }
  }

  #reply(worker: Worker): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiting.set(worker, { resolve, reject }));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
