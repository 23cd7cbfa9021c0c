import { checkLabels } from '../cluster/labels.ts';

/**
 * exp of the entropy of the clusters' shares of the points, 1 … k: 2 for two equal ones; null without points.
 * Of the features it is `effectiveFeatures`, of the clusters of a cut `effectiveClusters`.
 * @example
 * console.log(effectiveCount(Int32Array.of(0, 0, 0, 0))); // 1
 */
export function effectiveCount(labels: Int32Array): number | null {
  const clusters = checkLabels('effectiveCount', labels);
  if (clusters === 0) return null;
  const sizes = new Int32Array(clusters);
  for (const label of labels) sizes[label]!++;
  return effectiveOf(sizes, labels.length);
}

/** The same by the clusters' sizes. */
export function effectiveOf(sizes: Int32Array, count: number): number {
  if (sizes.length === 1) return 1;
  let entropy = 0;
  for (const size of sizes) entropy -= (size / count) * Math.log(size / count);
  return Math.exp(entropy);
}
