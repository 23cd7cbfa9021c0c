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
    total += pointSilhouette(sums, 0, own, sizes);
  }
  return total / count;
}

/**
 * The silhouette of one point: 0 where it is alone in its cluster, or where a = b.
 * @param sums of its distances to the points of cluster k, at `from` + k
 * @param own its cluster; `sizes`: points of each cluster; clusters of size 0 are left out
 */
export function pointSilhouette(sums: Float64Array, from: number, own: number, sizes: Int32Array): number {
  if (sizes[own] === 1) return 0;
  const a = sums[from + own]! / (sizes[own]! - 1);
  let b = Number.POSITIVE_INFINITY;
  for (let k = 0; k < sizes.length; k++) {
    if (k !== own && sizes[k]! > 0) b = Math.min(b, sums[from + k]! / sizes[k]!);
  }
  return a === b ? 0 : (b - a) / Math.max(a, b);
}
