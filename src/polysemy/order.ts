import { column, METRICS, type Metric, type WordColumn } from './column-lists.ts';

/**
 * What lists of units are sorted by: a metric, or the verdict, which puts those that are several things first. The
 * study's SQL, the server's table and `run`'s last lines all follow from here.
 */
export type UnitSort = Metric | 'verdict';
export const SORTS = ['verdict', ...METRICS] as const satisfies readonly UnitSort[];

/** One of the columns that an order goes by, after those before it. */
export interface SortKey {
  readonly column: Metric | WordColumn;
  readonly descending: boolean;
}

/**
 * The columns that a sort goes by. Equal units follow by bank and index; units without a value come last, either way.
 * By verdict: in the order of its words (several, one, scatter, few), then the most effective features, then the largest
 * separation.
 */
export function sortKeys(sort: UnitSort, descending = false): readonly SortKey[] {
  if (sort !== 'verdict') return [{ column: sort, descending }];
  return [
    { column: 'verdict', descending },
    { column: 'effectiveFeatures', descending: !descending },
    { column: 'separation', descending: !descending },
  ];
}

/** A word's place among those of its column, to be sorted by; NaN where it is none of them. */
export function wordPlace(name: WordColumn, word: string | null): number {
  const place = column(name).words?.indexOf(word ?? '') ?? -1;
  return place < 0 ? Number.NaN : place;
}
