import type { SimilarAnswer } from '../../contract/probe-answers.ts';
import { type ErrorCode, PolysemeError } from '../../errors.ts';
import type { Similarity } from '../../explain/similarities.ts';
import { fourDigits, type Wire } from '../http/json-writer.ts';
import { HttpProblem } from '../http/problem.ts';
import type { StudySource } from './served-study.ts';

/** What an error is over HTTP; others are 500. */
const STATUS: Partial<Record<ErrorCode, number>> = { 'bad-input': 422, 'not-found': 404, unsupported: 422 };

/** The features of other units that are most like one. */
export async function similarAnswer(
  source: StudySource,
  bank: string,
  index: number,
  { feature, by, limit }: { feature: number; by: Similarity; limit: number },
): Promise<Wire<SimilarAnswer>> {
  // Complains of a unit that is not there.
  source.row(bank, index);
  try {
    const found = await (await source.similar()).of(bank, index, feature, { by, limit });
    return {
      similar: found.map(({ other: _, similarity, passage, ...one }) => ({
        ...one,
        similarity: fourDigits(similarity),
        passage: { ...passage, activation: fourDigits(passage.activation) },
      })),
    };
  } catch (error) {
    const status = error instanceof PolysemeError ? STATUS[error.code] : undefined;
    if (status === undefined) throw error;
    throw new HttpProblem(status, (error as PolysemeError).message);
  }
}
