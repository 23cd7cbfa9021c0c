import { type Condensed, checkCondensed, rowStart } from '../embed/condensed.ts';
import { checkLabels } from './labels.ts';

/**
 * The central example of each cluster: the point with the largest mean similarity to the rest of its cluster, the
 * lowest of those that tie; of a cluster of one, its point.
 * @param distances condensed, between the points that `labels` (from 0, one a point) puts into clusters
 * @returns the index of a point for each label
 * @throws PolysemeError when the two do not fit, or labels are not 0 … k − 1 without gaps
 * @example
 * const labels = Int32Array.of(0, 0, 0);
 * console.log([...centralExamples({ distances: Float32Array.of(0.2, 0.2, 0.4), labels })]); // [0]
 */
export function centralExamples({
  distances,
  labels,
}: {
  distances: Condensed;
  labels: Int32Array;
}): Int32Array {
  const count = labels.length;
  checkCondensed('centralExamples', distances, count);
  const clusters = checkLabels('centralExamples', labels);
  // Within a cluster the largest mean similarity is the smallest sum of distances.
  const sums = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const start = rowStart(count, i);
    const label = labels[i]!;
    for (let j = i + 1; j < count; j++) {
      if (labels[j] !== label) continue;
      sums[i]! += distances[start + j]!;
      sums[j]! += distances[start + j]!;
    }
  }
  const central = new Int32Array(clusters).fill(-1);
  for (let i = 0; i < count; i++) {
    const best = central[labels[i]!]!;
    if (best < 0 || sums[i]! < sums[best]!) central[labels[i]!] = i;
  }
  return central;
}
