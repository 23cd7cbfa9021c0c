import { PolysemeError } from '../errors.ts';
import type { Certainty } from '../features/certainty.ts';
import { unitCertainty } from '../study/certainty.ts';
import { HttpProblem } from './problem.ts';
import type { StudySource } from './served-study.ts';

/** How sure a unit's features are. */
export async function certaintyAnswer(source: StudySource, bank: string, index: number): Promise<Certainty> {
  source.row(bank, index);
  try {
    return await unitCertainty(source.study, bank, index);
  } catch (error) {
    if (error instanceof PolysemeError && error.code === 'unsupported')
      throw new HttpProblem(422, error.message);
    throw error;
  }
}
