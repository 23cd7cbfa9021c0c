import { parentPort, type Transferable, Worker } from 'node:worker_threads';
import { type ErrorCode, PolysemeError } from '../errors.ts';

/** What a worker offers: functions of one argument, run one at a time in the order of the calls. */
export type Methods = Record<string, (argument: never) => unknown>;

/** A worker's methods as its owner sees them. */
export type Remote<M extends Methods> = {
  call<K extends keyof M & string>(
    method: K,
    argument: Parameters<M[K]>[0],
    transfer?: readonly Transferable[],
  ): Promise<Result<ReturnType<M[K]>>>;
  /** Ends the thread; calls that wait are refused. */
  close(): Promise<void>;
};

type Result<R> = Awaited<R> extends Moved<infer T> ? T : Awaited<R>;

interface Request {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}

/** Tells a worker that no more calls come. */
const END = 'end';

type Reply = { id: number; value: unknown } | { id: number; error: string; code?: ErrorCode; stack?: string };

/** A value that a method returns together with the buffers that move with it instead of being copied. */
export class Moved<T> {
  readonly value: T;
  readonly transfer: readonly Transferable[];

  constructor(value: T, transfer: readonly Transferable[]) {
    this.value = value;
    this.transfer = transfer;
  }
}

/** Starts a worker thread whose module calls `serve`. It keeps the process alive only while a call waits. */
export function connect<M extends Methods>(module: URL): Remote<M> {
  // Without the options of the process: some, such as --input-type, are refused for a file.
  const worker = new Worker(module, { execArgv: [] });
  worker.unref();
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  const refuse = (error: Error): void => {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  let count = 0;
  let ended: Error | null = null;
  worker.on('message', (reply: Reply) => {
    const call = waiting.get(reply.id)!;
    waiting.delete(reply.id);
    if (waiting.size === 0) worker.unref();
    if ('value' in reply) call.resolve(reply.value);
    else {
      const error =
        reply.code !== undefined ? new PolysemeError(reply.error, reply.code) : new Error(reply.error);
      if (reply.stack !== undefined) error.stack = reply.stack;
      call.reject(error);
    }
  });
  worker.on('error', (error) => {
    ended = error as Error;
    refuse(ended);
  });
  worker.on('exit', () => {
    ended ??= new PolysemeError('the worker thread has ended');
    refuse(ended);
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
    async close() {
      // Asked to end by itself: to terminate a thread that V8 still compiles for has crashed Node 20.
      const exit = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
      if (ended === null && waiting.size === 0) {
        worker.postMessage(END);
        const patience = setTimeout(() => worker.terminate(), 2000);
        await exit;
        clearTimeout(patience);
      } else await worker.terminate();
    },
  };
}

/** Answers the owner's calls from inside a worker thread. */
export function serve<M extends Methods>(methods: M): void {
  const port = parentPort!;
  let queue: Promise<void> = Promise.resolve();
  port.on('message', (request: Request | typeof END) => {
    if (request === END) {
      port.close();
      return;
    }
    queue = queue.then(async () => {
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
