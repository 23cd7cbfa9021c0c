import type { Wire } from '../../answers/wire.ts';
import type { QueueAnswer } from '../../contract/queue-answers.ts';
import { PolysemeError } from '../../errors.ts';
import { shownQueue } from '../../run/queue/connection.ts';
import { type WatchedQueue, watchQueue } from '../../run/queue/look-at-queue.ts';

/** Milliseconds for which an answer is good for all that ask; and of the longest wait for one. */
const KEPT = 500;
const PATIENCE = 3000;

/** A queue that is looked at when somebody asks; one that is away is asked again the next time. */
export class ServedQueue {
  readonly #url: string;
  readonly #shown: string;
  #watched: Promise<WatchedQueue> | null = null;
  #answer: { readonly at: number; readonly made: Promise<Wire<QueueAnswer>> } | null = null;

  /** @throws PolysemeError where the address is none */
  constructor(url: string) {
    this.#url = url;
    this.#shown = shownQueue(url);
  }

  answer(): Promise<Wire<QueueAnswer>> {
    const now = performance.now();
    if (this.#answer === null || now - this.#answer.at > KEPT) this.#answer = { at: now, made: this.#make() };
    return this.#answer.made;
  }

  close(): void {
    this.#watched?.then((watched) => watched.close()).catch(() => {});
  }

  async #make(): Promise<Wire<QueueAnswer>> {
    const queue = this.#shown;
    try {
      this.#watched ??= watchQueue(this.#url);
      const report = await soon(this.#watched.then((watched) => watched.report()));
      return { queue, unreachable: null, ...report };
    } catch (error) {
      this.close();
      this.#watched = null;
      const { message } = error as Error;
      const unreachable =
        error instanceof PolysemeError ? message : `the queue at ${queue} does not answer (${message})`;
      return { queue, unreachable, runs: [], workers: [], failures: [] };
    }
  }
}

/** A network that is cut says nothing. */
async function soon<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing for ${PATIENCE / 1000} s`)), PATIENCE);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
