import { createRandom } from '../base/random.ts';
import { medianInterval, RESAMPLES } from '../compare/bootstrap.ts';
import type { CompareAnswer, MatchedAnswer } from '../contract/compare-answers.ts';
import { MATCHED_UNITS } from '../contract/constants.ts';
import { PolysemeError } from '../errors.ts';
import { eachMetric } from '../polysemy/column-lists.ts';
import { compareBanks } from '../study/compare-study.ts';
import { HttpProblem } from './problem.ts';
import type { StudySource } from './served-study.ts';
import type { Wire } from './wire.ts';

/** Distributions of banks side by side, as the study holds them. */
export function compareAnswer({ table }: StudySource, names: readonly string[]): Wire<CompareAnswer> {
  const counts = new Set(
    names.flatMap((name) => [...table.sorted('examples', table.banks.indexOf(table.bank(name)))]),
  );
  counts.delete(0);
  return {
    matched: counts.size <= 1,
    banks: names.map((name) => {
      const id = table.banks.indexOf(table.bank(name));
      return {
        name,
        metrics: eachMetric((metric) => ({
          ...table.quantiles(metric, id),
          interval: medianInterval(table.sorted(metric, id), RESAMPLES, createRandom(0)),
        })),
      };
    }),
  };
}

/** Banks side by side at equal numbers of examples, their units split anew: seconds, with turns for other requests. */
export async function matchedAnswer(
  { study, table, clustering }: StudySource,
  banks: readonly string[],
): Promise<Wire<MatchedAnswer>> {
  for (const name of banks) table.bank(name);
  try {
    const comparison = await compareBanks(study, { banks, units: MATCHED_UNITS, seed: 0 });
    return { ...comparison, linkage: clustering.linkage, mostUnits: MATCHED_UNITS };
  } catch (error) {
    if (error instanceof PolysemeError) throw new HttpProblem(422, error.message);
    throw error;
  }
}
