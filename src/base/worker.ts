import { parentPort, type Transferable, Worker, workerData } from 'node:worker_threads';
import { type ErrorCode, PolysemeError } from '../errors.ts';
import { withoutTelemetry } from './no-telemetry.ts';
import { nextTurn } from './turn.ts';

/** What a worker offers: functions of one argument, run one at a time in the order of the calls. */
export type Methods = Record<string, (argument: never) => unknown>;

/** A worker's methods as its owner sees them. */
export type Remote<M extends Methods> = {
  call<K extends keyof M & string>(
    method: K,
    argument: Parameters<M[K]>[0],
    transfer?: readonly Transferable[],
  ): Promise<Result<ReturnType<M[K]>>>;
  /** @throws the error with which the thread ended, if it has ended */
  checkAlive(): void;
  /** Ends the thread: the call that runs is finished, and calls that wait are refused. */
  close(): Promise<void>;
};

/** Several workers of one kind. */
export interface Crew<M extends Methods> {
  readonly size: number;
  /**
   * Has every worker run a method; resolves with their answers, in the order of the workers. All of them have
   * finished before the first error is thrown, so that none still writes to memory that they share.
   */
  callAll<K extends keyof M & string>(
    method: K,
    argument: Parameters<M[K]>[0],
  ): Promise<Result<ReturnType<M[K]>>[]>;
  close(): Promise<void>;
}

type Result<R> = Awaited<R> extends Moved<infer T> ? T : Awaited<R>;

interface Request {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}

/** Tells a worker to finish the call that runs and to end. */
const END = 'end';

type Reply = { id: number; value: unknown } | Failure;

interface Failure {
  readonly id: number;
  readonly error: string;
  /** Of a PolysemeError. */
  readonly code?: ErrorCode;
  readonly stack?: string;
}

/** A value that a method returns together with the buffers that move with it instead of being copied. */
export class Moved<T> {
  readonly value: T;
  readonly transfer: readonly Transferable[];

  constructor(value: T, transfer: readonly Transferable[]) {
    this.value = value;
    this.transfer = transfer;
  }
}

/** How long a thread may take to end by itself. */
const PATIENCE_MS = 5000;

/**
 * Starts a worker thread whose module calls `serve`. It keeps the process alive only while a call waits.
 *
 * @param setup what `getSetup` returns in the thread; shared memory is shared, everything else is copied
 */
export function connect<M extends Methods>(module: URL, setup?: unknown): Remote<M> {
  withoutTelemetry();
  // Without the options of the process: some, such as --input-type, are refused for a file.
  const worker = new Worker(module, { workerData: setup, execArgv: [] });
  worker.unref();
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let count = 0;
  let ended: Error | null = null;
  const end = (error: Error): void => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  worker.on('message', (reply: Reply) => {
    const call = waiting.get(reply.id);
    if (call === undefined) return; // refused by `close` in the meantime
    waiting.delete(reply.id);
    if (waiting.size === 0) worker.unref();
    if ('value' in reply) call.resolve(reply.value);
    else call.reject(toError(reply));
  });
  worker.on('error', (error) => end(error as Error));
  const exit = new Promise<void>((resolve) => {
    worker.on('exit', () => {
      end(new PolysemeError('a worker thread has ended'));
      resolve();
    });
  });
  return {
    call(method, argument, transfer = []) {
      return new Promise((resolve, reject) => {
        if (ended !== null) {
          reject(ended);
          return;
        }
        const id = count++;
        waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
        worker.ref();
        worker.postMessage({ id, method, argument } satisfies Request, transfer as Transferable[]);
      });
    },
    checkAlive() {
      if (ended !== null) throw ended;
    },
    async close() {
      // Asked to end by itself: to terminate a thread that V8 still compiles for has crashed Node 20.
      if (ended === null) worker.postMessage(END);
      end(new PolysemeError('the worker thread is closed'));
      worker.ref();
      const patience = setTimeout(() => worker.terminate(), PATIENCE_MS);
      await exit;
      clearTimeout(patience);
    },
  };
}

/** Starts one worker thread for each setup. */
export function connectAll<M extends Methods>(module: URL, setups: readonly unknown[]): Crew<M> {
  const workers = setups.map((setup) => connect<M>(module, setup));
  return {
    size: workers.length,
    async callAll(method, argument) {
      for (const worker of workers) worker.checkAlive();
      const answers = await Promise.allSettled(workers.map((worker) => worker.call(method, argument)));
      return answers.map((answer) => {
        if (answer.status === 'rejected') throw answer.reason;
        return answer.value;
      });
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.close()));
    },
  };
}

/** Inside a worker thread: the setup that its owner gave to `connect`. */
export function getSetup<S>(): S {
  return workerData as S;
}

/**
 * Answers the owner's calls from inside a worker thread.
 *
 * @param close frees what the methods hold, before the thread ends
 */
export function serve<M extends Methods>(methods: M, close: () => unknown = () => {}): void {
  const port = parentPort!;
  let queue: Promise<unknown> = Promise.resolve();
  let isEnding = false;
  port.on('message', (request: Request | typeof END) => {
    if (request === END) {
      isEnding = true;
      queue = queue.then(close).finally(() => port.close());
      return;
    }
    // Between two calls the thread hears whether it is to end.
    queue = queue.then(nextTurn).then(async () => {
      if (isEnding) return;
      try {
        const value = await methods[request.method]!(request.argument as never);
        if (value instanceof Moved) {
          port.postMessage(
            { id: request.id, value: value.value } satisfies Reply,
            value.transfer as Transferable[],
          );
        } else port.postMessage({ id: request.id, value } satisfies Reply);
      } catch (error) {
        const code = error instanceof PolysemeError ? error.code : undefined;
        const message = error instanceof Error ? error.message : String(error);
        const stack = error instanceof Error ? error.stack : undefined;
        port.postMessage({ id: request.id, error: message, code, stack } satisfies Reply);
      }
    });
  });
}

function toError({ error: message, code, stack }: Failure): Error {
  const error = code !== undefined ? new PolysemeError(message, code) : new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
