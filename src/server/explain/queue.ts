import { HttpProblem } from '../../answers/problem.ts';
import { checkAborted } from '../../base/progress.ts';

/** Jobs that wait while one runs; each takes a second or a few. */
const MOST_WAITING = 8;
/** Seconds after which a client that was sent away may ask again. */
const RETRY_AFTER = 2;

/** Work of the one model that is served, a job at a time. */
export class WorkQueue {
  readonly #most: number;
  #waiting: (() => void)[] = [];
  #running = false;

  /** @param most jobs that wait while one runs; more are sent away */
  constructor(most = MOST_WAITING) {
    this.#most = most;
  }

  /**
   * Runs a job when those before it have ended.
   * @throws HttpProblem (429) where too many wait, and PolysemeError (aborted) where `signal` is aborted before its turn
   */
  async run<T>(signal: AbortSignal, job: () => Promise<T>): Promise<T> {
    if (this.#waiting.length >= this.#most) {
      throw new HttpProblem(
        429,
        `the model has ${this.#most + 1} requests to answer already: ask again later`,
        {
          'retry-after': String(RETRY_AFTER),
        },
      );
    }
    if (this.#running) await this.#turn(signal);
    this.#running = true;
    try {
      checkAborted(signal);
      return await job();
    } finally {
      this.#running = false;
      this.#waiting.shift()?.();
    }
  }

  /** Waits for the job's turn, or until its client has gone: then its place is free at once. */
  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = (): void => {
        signal.removeEventListener('abort', leave);
        // Taken before the next job looks.
        this.#running = true;
        resolve();
      };
      const leave = (): void => {
        this.#waiting = this.#waiting.filter((other) => other !== begin);
        try {
          checkAborted(signal);
        } catch (error) {
          reject(error);
        }
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(begin);
      if (signal.aborted) leave();
    });
  }
}
