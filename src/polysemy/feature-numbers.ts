import { checkLabels } from '../cluster/labels.ts';
import { type Condensed, checkCondensed, rowStart } from '../embed/condensed.ts';

/** How compact one feature of a unit is, and how far from the others. */
export interface FeatureNumbers {
  /** How many examples it has. */
  readonly size: number;
  /** Mean distance over all pairs of its examples; null for one example. */
  readonly tightness: number | null;
  /** Smallest mean distance between its examples and those of another feature; null for the only feature. */
  readonly siblingDistance: number | null;
  /** The label of that other feature, the lowest of equal ones. */
  readonly sibling: number | null;
}

/**
 * The numbers of every feature of a unit, by label. Divided by the unit's nullDistance (`relativeDistance`) the
 * distances are comparable across layers.
 * @param distances condensed, between the unit's examples
 * @param labels their features, from 0 without gaps
 * @example
 * const labels = Int32Array.of(0, 0, 1);
 * const [first] = featureNumbers({ distances: Float32Array.of(0.25, 1, 0.5), labels });
 * console.log(first.size, first.tightness, first.siblingDistance); // 2 0.25 0.75
 */
export function featureNumbers({
  distances,
  labels,
}: {
  distances: Condensed;
  labels: Int32Array;
}): FeatureNumbers[] {
  const count = labels.length;
  checkCondensed('featureNumbers', distances, count);
  const features = checkLabels('featureNumbers', labels);
  const sizes = new Int32Array(features);
  for (const label of labels) sizes[label]!++;
  // Sums of the distances between features a ≤ b.
  const sums = new Float64Array(features * features);
  for (let i = 0; i < count; i++) {
    const start = rowStart(count, i);
    for (let j = i + 1; j < count; j++) {
      const a = Math.min(labels[i]!, labels[j]!);
      const b = Math.max(labels[i]!, labels[j]!);
      sums[a * features + b]! += distances[start + j]!;
    }
  }
  return Array.from(sizes, (size, own) => {
    let siblingDistance: number | null = null;
    let sibling: number | null = null;
    for (let other = 0; other < features; other++) {
      if (other === own) continue;
      const sum = sums[Math.min(own, other) * features + Math.max(own, other)]!;
      const distance = sum / (size * sizes[other]!);
      if (siblingDistance === null || distance < siblingDistance) {
        siblingDistance = distance;
        sibling = other;
      }
    }
    const tightness = size > 1 ? sums[own * features + own]! / ((size * (size - 1)) / 2) : null;
    return { size, tightness, siblingDistance, sibling };
  });
}
