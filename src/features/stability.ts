import { createRandom } from '../base/random.ts';
import { checkLabels } from '../cluster/labels.ts';
import { type Condensed, checkCondensed, condensedOf } from '../embed/condensed.ts';

/** Subsamples that a feature is looked for in. */
export const SUBSAMPLES = 50;

/**
 * How surely each feature is found again (Hennig 2007, cluster-wise stability): the mean over subsamples of half the
 * examples of the largest Jaccard index, |F ∩ C| ÷ |F ∪ C|, of the feature's members in the subsample with a cluster C
 * that the subsample alone is split into. 1: always found again. Subsamples with none of its members are left out; null
 * where all are. Subsample b is the first ⌊n/2⌋ of `createRandom(seed, b).shuffle([0 … n − 1])`.
 * @param labels the unit's features, from 0 without gaps
 * @param split what made them: condensed distances between so many examples → labels
 * @returns by label
 * @example
 * const split = (distances: Condensed, count: number) =>
 *   autoFeatures({ tree: linkage({ distances, count, method: 'average' }), distances }).labels;
 * const rows = Float32Array.from({ length: 80 }, (_, i) => (i % 4 === 0 || i % 4 === 3 ? 1 : 0.25));
 * const distances = cosineDistances({ rows, count: 40 });
 * console.log(stability({ distances, labels: split(distances, 40), split })); // [1, 1]
 */
export function stability({
  distances,
  labels,
  split,
  seed = 0,
  subsamples = SUBSAMPLES,
}: {
  distances: Condensed;
  labels: Int32Array;
  split: (distances: Condensed, count: number) => Int32Array;
  seed?: number;
  subsamples?: number;
}): (number | null)[] {
  const count = labels.length;
  checkCondensed('stability', distances, count);
  const features = checkLabels('stability', labels);
  const sums = new Float64Array(features);
  const times = new Int32Array(features);
  const half = Math.floor(count / 2);
  for (let b = 0; b < subsamples; b++) {
    const order = createRandom(seed, b).shuffle(Int32Array.from({ length: count }, (_, i) => i));
    const chosen = order.slice(0, half).sort();
    const found = split(condensedOf(distances, count, chosen), half);
    const overlaps = largestOverlaps(
      chosen.map((i) => labels[i]!),
      features,
      found,
    );
    overlaps.forEach((overlap, feature) => {
      if (overlap === null) return;
      sums[feature]! += overlap;
      times[feature]!++;
    });
  }
  return Array.from(sums, (sum, feature) => (times[feature]! > 0 ? sum / times[feature]! : null));
}

/** By feature, its largest Jaccard index with a cluster; null where it has no member. */
function largestOverlaps(members: Int32Array, features: number, found: Int32Array): (number | null)[] {
  const clusters = checkLabels('stability', found);
  const both = new Int32Array(features * clusters);
  const featureSizes = new Int32Array(features);
  const clusterSizes = new Int32Array(clusters);
  members.forEach((feature, i) => {
    both[feature * clusters + found[i]!]!++;
    featureSizes[feature]!++;
    clusterSizes[found[i]!]!++;
  });
  return Array.from(featureSizes, (size, feature) => {
    if (size === 0) return null;
    let largest = 0;
    for (let c = 0; c < clusters; c++) {
      const shared = both[feature * clusters + c]!;
      largest = Math.max(largest, shared / (size + clusterSizes[c]! - shared));
    }
    return largest;
  });
}
