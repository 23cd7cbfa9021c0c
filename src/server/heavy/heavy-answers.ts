import { HttpProblem } from '../../answers/problem.ts';
import { connect, type Remote } from '../../base/worker.ts';
import type { HeavyMethods, HeavyRequest, HeavySetup } from './heavy-worker.ts';

/** Answers asked for at once; each takes up to some seconds. */
const MOST = 16;
/** Seconds after which a client that was sent away may ask again. */
const RETRY_AFTER = 2;

/** The thread that makes answers which take long, one at a time; it starts when the first is asked for. */
export class HeavyAnswers {
  readonly #setup: HeavySetup;
  #worker: Remote<HeavyMethods> | null = null;
  #asked = 0;
  #isClosed = false;

  /** @param path of the study */
  constructor(path: string) {
    this.#setup = { path };
  }

  /** The body of an answer. @throws HttpProblem where there is none; 503 where too many wait */
  async answer(request: HeavyRequest): Promise<Buffer<ArrayBuffer>> {
    if (this.#asked >= MOST) {
      throw new HttpProblem(503, `${MOST} answers that take long are being made already: ask again later`, {
        'retry-after': String(RETRY_AFTER),
      });
    }
    this.#asked++;
    try {
      this.#worker ??= connect<HeavyMethods>(new URL('./heavy-worker.js', import.meta.url), this.#setup);
      const worker = this.#worker;
      const answer = await worker.call('answer', request).catch((error) => {
        this.#forgetEnded(worker);
        if (this.#isClosed) throw new HttpProblem(503, 'the server is stopping');
        throw error;
      });
      if ('body' in answer) return Buffer.from(answer.body.buffer);
      const { status, message, headers } = answer.problem;
      throw new HttpProblem(status, message, headers);
    } finally {
      this.#asked--;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#worker?.close();
  }

  /** A thread that has ended, as by a lack of memory, is started again for the next answer. */
  #forgetEnded(worker: Remote<HeavyMethods>): void {
    try {
      worker.checkAlive();
    } catch {
      if (this.#worker === worker) this.#worker = null;
    }
  }
}
