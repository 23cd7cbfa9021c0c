import { type Condensed, rowStart } from '../embed/condensed.ts';

/**
 * Mean over all points of (b − a)/max(a, b): a the mean distance to the rest of its own cluster, b the smallest mean
 * distance to another cluster (Rousseeuw 1987). A point alone in its cluster, or with a = b = 0, scores 0.
 */
export function silhouette(distances: Condensed, labels: Int32Array, sizes: Int32Array): number {
  const count = labels.length;
  const start = Float64Array.from({ length: count }, (_, i) => rowStart(count, i));
  const sums = new Float64Array(sizes.length);
  let total = 0;
  for (let i = 0; i < count; i++) {
    const own = labels[i]!;
    if (sizes[own] === 1) continue;
    sums.fill(0);
    for (let j = 0; j < i; j++) sums[labels[j]!]! += distances[start[j]! + i]!;
    for (let j = i + 1; j < count; j++) sums[labels[j]!]! += distances[start[i]! + j]!;
    const a = sums[own]! / (sizes[own]! - 1);
    let b = Number.POSITIVE_INFINITY;
    for (let k = 0; k < sizes.length; k++) {
      if (k !== own) b = Math.min(b, sums[k]! / sizes[k]!);
    }
    if (a !== b) total += (b - a) / Math.max(a, b);
  }
  return total / count;
}
