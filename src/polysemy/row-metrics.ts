import { checkLabels } from '../cluster/labels.ts';
import type { Polysemy } from './metrics.ts';
import { effectiveOf } from './shares.ts';
import { pointSilhouette } from './silhouette.ts';

/** What `polysemyOfRows` finds in one pass. */
export interface RowMetrics {
  readonly metrics: Polysemy;
  /** By label, the point with the least sum of distances to its cluster. */
  readonly centrals: Int32Array;
  /** The point with the least sum of distances to all. */
  readonly central: number;
}

/**
 * The polysemy metrics of `polysemy`, and central points, of distances that are computed a row at a time: every pair is met
 * twice, and nothing is held but a row.
 */
export function polysemyOfRows(
  rows: { readonly count: number; row(point: number): Float32Array },
  labels: Int32Array,
): RowMetrics {
  const { count } = rows;
  const clusters = checkLabels('polysemyOfRows', labels);
  const sizes = new Int32Array(clusters);
  for (const label of labels) sizes[label]!++;
  const hasSilhouette = clusters >= 2 && clusters <= count - 1;
  const sums = new Float64Array(clusters);
  const least = new Float64Array(clusters).fill(Number.POSITIVE_INFINITY);
  const centrals = new Int32Array(clusters);
  let [max, intra, inter, total, central, leastOfAll] = [0, 0, 0, 0, 0, Number.POSITIVE_INFINITY];
  for (let i = 0; i < count; i++) {
    const distances = rows.row(i);
    sums.fill(0);
    for (let j = 0; j < count; j++) {
      const distance = distances[j]!;
      sums[labels[j]!]! += distance;
      if (distance > max) max = distance;
    }
    const own = labels[i]!;
    const all = sums.reduce((a, b) => a + b, 0);
    intra += sums[own]!;
    inter += all - sums[own]!;
    if (sums[own]! < least[own]!) {
      least[own] = sums[own]!;
      centrals[own] = i;
    }
    if (all < leastOfAll) {
      leastOfAll = all;
      central = i;
    }
    if (hasSilhouette) total += pointSilhouette(sums, 0, own, sizes);
  }
  const pairs = (count * (count - 1)) / 2;
  const intraPairs = sizes.reduce((sum, size) => sum + (size * (size - 1)) / 2, 0);
  const interPairs = pairs - intraPairs;
  return {
    metrics: {
      clusters,
      maxDistance: pairs > 0 ? max : null,
      meanDistance: pairs > 0 ? (intra + inter) / 2 / pairs : null,
      intraClusterDistance: intraPairs > 0 ? intra / 2 / intraPairs : null,
      interClusterDistance: interPairs > 0 ? inter / 2 / interPairs : null,
      effectiveClusters: count > 0 ? effectiveOf(sizes, count) : null,
      largestShare: count > 0 ? sizes.reduce((most, size) => Math.max(most, size)) / count : null,
      silhouette: hasSilhouette ? total / count : null,
    },
    centrals,
    central,
  };
}
