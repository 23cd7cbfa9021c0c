import { HttpProblem } from '../../answers/problem.ts';
import type { StudySource } from '../../answers/served-study.ts';
import { type ErrorCode, PolysemeError } from '../../errors.ts';
import type { Explained } from '../../explain/explained.ts';
import type { WorkQueue } from './queue.ts';

/** What an error of an explanation is over HTTP; others are 500. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  'bad-input': 422,
  'not-found': 404,
  unsupported: 422,
  unreachable: 503,
  busy: 503,
};

/** What the routes of explanations read: a study at one revision, with the model behind it. */
export class ExplainSource {
  readonly source: StudySource;
  readonly explained: Explained;
  readonly #queue: WorkQueue;

  constructor(source: StudySource, explained: Explained, queue: WorkQueue) {
    this.source = source;
    this.explained = explained;
    this.#queue = queue;
  }

  /** Runs a job that needs the model, when it is its turn. */
  work<T>(signal: AbortSignal, job: (explained: Explained) => Promise<T>): Promise<T> {
    return this.answer(() => this.#queue.run(signal, () => job(this.explained)));
  }

  /** Runs a job that needs no model; its errors are problems. */
  async answer<T>(job: () => Promise<T>): Promise<T> {
    try {
      return await job();
    } catch (error) {
      const status = error instanceof PolysemeError ? STATUS[error.code] : undefined;
      if (status === undefined) throw error;
      throw new HttpProblem(status, (error as PolysemeError).message);
    }
  }
}
