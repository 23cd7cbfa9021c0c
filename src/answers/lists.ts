import { LISTED_FEATURES } from '../contract/constants.ts';
import type { UnitsQuery } from '../contract/queries.ts';
import type {
  BanksAnswer,
  MetricsAnswer,
  RandomAnswer,
  SearchAnswer,
  UnitsAnswer,
} from '../contract/study-answers.ts';
import { eachMetric, METRICS, type Metric } from '../polysemy/column-lists.ts';
import { verdicts } from '../polysemy/verdict.ts';
import { listedFeature } from './listed-feature.ts';
import type { StudySource } from './served-study.ts';
import { randomUnit, unitNamed, unitsPage } from './units-page.ts';
import type { Wire } from './wire.ts';

/** Features whose matches a search lists a unit. */
const MATCHED_FEATURES = 5;

export function banksAnswer({ info, table }: StudySource): BanksAnswer {
  return {
    banks: info.banks.map((bank, id) => {
      const { start, end } = table.banks[id]!;
      const summary = eachMetric((metric) => table.quantiles(metric, id));
      const dead = table.metric('examples', start, end).filter((count) => count === 0).length;
      const counts = table.wordCounts('verdict', verdicts, id);
      const judged = Object.values(counts).some((count) => count > 0);
      return { ...bank, analysed: end - start, dead, verdicts: judged ? counts : null, summary };
    }),
  };
}

/** One page of the units that a query chooses. */
export function unitsAnswer(source: StudySource, query: UnitsQuery): UnitsAnswer {
  const { rows, ...page } = unitsPage(query, (chosen, key) =>
    source.selected(key, () => source.table.select(chosen)),
  );
  return { units: Array.from(rows, (row) => unitRow(source, row)), ...page };
}

/** One unit in a list. */
export function unitRow(source: StudySource, row: number): UnitsAnswer['units'][number] {
  const { table } = source;
  const { sizes, stray } = source.shares(row);
  const features = table
    .words(row)
    .slice(0, LISTED_FEATURES)
    .map((_, id) => ({ id, ...listedFeature(source, row, id) }));
  return { ...table.summary(row), sizes, stray, features };
}

/** Numbers of all units by column, for pictures of a whole model: NaN where there is none. */
export function metricsAnswer(
  { table }: StudySource,
  bank: string | undefined,
  metrics: readonly Metric[] = METRICS,
): Wire<MetricsAnswer> {
  const { start, end } = bank === undefined ? { start: 0, end: table.size } : table.bank(bank);
  return {
    bank: table.bankOf(start, end),
    index: table.index(start, end),
    ...Object.fromEntries(
      metrics.map((metric) => [metric, Float32Array.from(table.metric(metric, start, end))]),
    ),
  };
}

/** A unit by chance: one with examples, where there is one. */
export function randomAnswer({ table }: StudySource, bank: string | undefined): RandomAnswer {
  return randomUnit(table, bank);
}

/** Units by name, and by the names and words of their features. */
export function searchAnswer(
  source: StudySource,
  { q, bank, limit }: { q: string; bank?: string; limit: number },
): SearchAnswer {
  const { table } = source;
  const named = unitNamed(source.table, q.trim());
  const found = source.selected(`search ${JSON.stringify([q, bank])}`, () => table.search(q, bank));
  const matches = found.slice(0, limit).map(({ row, features }) => {
    return {
      ...unitRow(source, row),
      matches: features
        .slice(0, MATCHED_FEATURES)
        .map((feature) => ({ feature, ...listedFeature(source, row, feature) })),
    };
  });
  if (named < 0 || (bank !== undefined && table.name(named).bank !== bank)) {
    return { units: matches, total: found.length };
  }
  const units = [{ ...unitRow(source, named), matches: [] }, ...matches].slice(0, limit);
  return { units, total: found.length + 1 };
}
