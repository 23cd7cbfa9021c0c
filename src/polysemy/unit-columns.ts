import type { Metric, WordColumn } from './column-lists.ts';

/** Statistics, polysemy and words of all units, by bank and index; a number that is not there is NaN. */
export interface UnitColumns {
  /** Position in `info().banks`. */
  readonly bank: Uint16Array;
  readonly index: Uint32Array;
  readonly metrics: Readonly<Record<Metric, Float64Array>>;
  /** The columns of words, such as verdicts; null where there is none. */
  readonly texts: Readonly<Record<WordColumn, readonly (string | null)[]>>;
  /** Words of each feature, by id, as JSON. */
  readonly words: readonly string[];
  /** Names of each feature, by id, as JSON; null in a study of an older version. */
  readonly names: readonly (string | null)[];
}
