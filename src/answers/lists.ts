import { LISTED_FEATURES } from '../contract/constants.ts';
import type { UnitsQuery } from '../contract/queries.ts';
import type { BanksAnswer } from '../contract/study-answers.ts';
import type { MetricsAnswer, RandomAnswer, UnitsAnswer } from '../contract/unit-answers.ts';
import { eachMetric, METRICS, type Metric } from '../polysemy/column-lists.ts';
import { verdicts } from '../polysemy/verdict.ts';
import { listedFeature } from './listed-feature.ts';
import type { Search } from './search.ts';
import type { StudySource } from './served-study.ts';
import { randomUnit, unitsPage } from './units-page.ts';
import type { Wire } from './wire.ts';

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
export function unitsAnswer(source: StudySource, query: UnitsQuery): UnitsAnswer | Promise<UnitsAnswer> {
  const { q } = query;
  if (q === undefined || q.trim() === '') return chosenUnits(source, query, null);
  return source.search(q, false).then((found) => chosenUnits(source, query, found));
}

function chosenUnits(source: StudySource, query: UnitsQuery, found: Search | null): UnitsAnswer {
  const { rows, ...page } = unitsPage(query, (chosen, key) =>
    source.selected(key, () => source.table.select({ ...chosen, among: found?.rows ?? null })),
  );
  return { units: Array.from(rows, (row) => unitRow(source, row, found?.features(row))), ...page };
}

/** One unit in a list. @param first features that come before the largest ones */
export function unitRow(
  source: StudySource,
  row: number,
  first: readonly { readonly feature: number }[] = [],
): UnitsAnswer['units'][number] {
  const { table } = source;
  const { sizes, stray } = source.shares(row);
  const ids = new Set([...first.map(({ feature }) => feature), ...table.words(row).keys()]);
  const features = [...ids]
    .slice(0, LISTED_FEATURES)
    .map((id) => ({ id, ...listedFeature(source, row, id) }));
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
