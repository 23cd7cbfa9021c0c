import type { CsvValue } from '../../../src/base/csv.ts';
import { COMPARED } from '../../../src/polysemy/column-lists.ts';
import type { Comparison, MatchedComparison } from '../source/answers.ts';
import { METRIC_LIST } from '../ui/metric-info.ts';

/** At equal numbers of examples: medians first, then the differences: one line a metric and bank, or pair of banks. */
export function matchedRows({ banks, examples, differences }: MatchedComparison): CsvValue[][] {
  return [
    [
      'metric',
      'bank',
      'against',
      'examples',
      'count',
      'median',
      'low',
      'high',
      'null_median',
      'superiority',
      'superiority_low',
      'superiority_high',
      'differs',
    ],
    ...COMPARED.flatMap((metric) =>
      banks.map(({ name, metrics: { [metric]: of } }) => [
        metric,
        name,
        null,
        examples,
        of.count,
        of.median,
        of.interval?.[0] ?? null,
        of.interval?.[1] ?? null,
        of.null.median,
        null,
        null,
        null,
        null,
      ]),
    ),
    ...differences.map((d) => [
      d.metric,
      ...d.banks,
      examples,
      null,
      d.median,
      ...d.medianInterval,
      null,
      d.superiority,
      ...d.superiorityInterval,
      d.differs === null ? null : String(d.differs),
    ]),
  ];
}

/** Over all units: one line a metric and bank. */
export function unitRows({ banks }: Comparison): CsvValue[][] {
  return [
    ['metric', 'bank', 'count', 'min', 'q1', 'median', 'q3', 'max', 'mean', 'low', 'high'],
    ...METRIC_LIST.flatMap(({ metric }) =>
      banks.map(({ name, metrics: { [metric]: v } }) => [
        metric,
        name,
        v.count,
        v.min,
        v.q1,
        v.median,
        v.q3,
        v.max,
        v.mean,
        v.interval?.[0] ?? null,
        v.interval?.[1] ?? null,
      ]),
    ),
  ];
}
