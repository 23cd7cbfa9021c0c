import { PolysemeError } from '../errors.ts';

/** How far a long call has come. A call may add fields of its own. */
export interface Progress {
  /** What is being done, in one word: `harvest`, `train`. */
  readonly stage: string;
  readonly done: number;
  /** May be an estimate. */
  readonly total: number;
  /** What is counted, in the plural: `contexts`, `units`, `tokens`. */
  readonly unit: string;
  /** What of it is being done now, in words, where it comes in parts: `layers 8 to 15`. */
  readonly at?: string;
}

/** Options of every long call. */
export interface LongCall<P extends Progress = Progress> {
  readonly onProgress?: (progress: P) => void;
  /** Stops the call: it rejects with a PolysemeError of code `aborted`, and what it saved can be resumed. */
  readonly signal?: AbortSignal;
}

/** @throws PolysemeError (aborted) once `signal` is aborted */
export function checkAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted();
}

/**
 * Waits for `work`, but no longer than until `signal` is aborted.
 * @throws PolysemeError (aborted)
 */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  checkAborted(signal);
  let stop = (): void => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(aborted());
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function aborted(): PolysemeError {
  return new PolysemeError('stopped by the caller', 'aborted');
}
