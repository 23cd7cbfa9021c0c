import type { ColumnValues } from './column-lists.ts';
import { effectiveCount } from './shares.ts';
import { relativeDistance, strayShare, verdict } from './verdict.ts';

/** The numbers of a unit's features by the silhouette rule, and what the unit is. */
export type Judgement = ColumnValues<
  | 'featureCount'
  | 'effectiveFeatures'
  | 'separation'
  | 'strayShare'
  | 'nullDistance'
  | 'relativeDistance'
  | 'verdict'
>;

/**
 * Several things, one, scatter, or too few examples to say; with the numbers that this follows from.
 * @param labels features by `autoFeatures`; `separation` and `stray` are its too
 * @param meanDistance over all pairs of the unit's examples
 * @param nullDistance of unrelated inputs under the unit's weights; null where it is not known
 * @example
 * const labels = Int32Array.from({ length: 8 }, (_, i) => (i < 4 ? 0 : 1));
 * const { verdict, effectiveFeatures } = judge({
 *   labels, separation: 0.8, stray: new Uint8Array(8), meanDistance: 0.6, nullDistance: 1,
 * });
 * console.log(verdict, effectiveFeatures); // several 2
 */
export function judge({
  labels,
  separation,
  stray,
  meanDistance,
  nullDistance,
}: {
  labels: Int32Array;
  separation: number | null;
  stray: Uint8Array;
  meanDistance: number | null;
  nullDistance: number | null;
}): Judgement {
  const relative = relativeDistance(meanDistance, nullDistance);
  return {
    featureCount: labels.reduce((most, label) => Math.max(most, label + 1), 0),
    effectiveFeatures: effectiveCount(labels),
    separation,
    strayShare: strayShare(stray),
    nullDistance,
    relativeDistance: relative,
    verdict: verdict({ examples: labels.length, separation, relativeDistance: relative }),
  };
}
