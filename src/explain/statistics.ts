import { createRandom } from '../base/random.ts';

/** Resamples of a bootstrap interval, and permutations of a test. */
const RESAMPLES = 1000;
const PERMUTATIONS = 2000;
/** Shares of the resamples that lie outside an interval, on each side: 95 % intervals. */
const TAIL = 0.025;

export type Interval = readonly [number, number];

export function meanOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/** The 95 % percentile bootstrap interval of the mean; null for fewer than two numbers. */
export function meanInterval(values: readonly number[], seed: number): Interval | null {
  if (values.length < 2) return null;
  const random = createRandom(seed);
  return intervalOf(
    Float64Array.from({ length: RESAMPLES }, () => {
      let sum = 0;
      for (let i = 0; i < values.length; i++) sum += values[random.integer(values.length)]!;
      return sum / values.length;
    }),
  );
}

/** The middle 95 % of some numbers. */
export function intervalOf(values: Float64Array): Interval {
  const sorted = values.slice().sort();
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))]!;
  return [at(TAIL), at(1 - TAIL)];
}

export interface LabelTest {
  /** Chance of a difference as large as there is between a label's items and the others, where labels mean nothing. */
  readonly p: readonly number[];
  /** Of the sizes of each label's items, the means under labels that mean nothing: the middle 95 %. */
  readonly shuffled: readonly Interval[];
  /** As `p`, of the sizes alone. */
  readonly pSize: readonly number[];
}

/**
 * Tests, for each label, whether its items differ from all others: by permutation of the labels. Two groups of vectors
 * differ by the squared distance of their means.
 * @param gram products of all pairs of the items' vectors, n × n
 * @param sizes a number of each item, tested by the difference of the means
 */
export function testLabels(
  gram: Float64Array,
  sizes: readonly number[],
  labels: Int32Array,
  count: number,
  seed: number,
): LabelTest {
  const found = statistics(gram, sizes, labels, count);
  const shuffledLabels = labels.slice();
  const random = createRandom(seed);
  const exceed = Array<number>(count).fill(1);
  const exceedSize = Array<number>(count).fill(1);
  const means = Array.from({ length: count }, () => new Float64Array(PERMUTATIONS));
  for (let i = 0; i < PERMUTATIONS; i++) {
    const drawn = statistics(gram, sizes, random.shuffle(shuffledLabels), count);
    for (let label = 0; label < count; label++) {
      // Equal up to rounding counts as equal: a permutation may give the same groups again.
      if (drawn.distance[label]! >= found.distance[label]! * (1 - 1e-9)) exceed[label]!++;
      if (drawn.difference[label]! >= found.difference[label]! * (1 - 1e-9)) exceedSize[label]!++;
      means[label]![i] = drawn.mean[label]!;
    }
  }
  const share = (times: number): number => times / (PERMUTATIONS + 1);
  return { p: exceed.map(share), pSize: exceedSize.map(share), shuffled: means.map(intervalOf) };
}

/** p values after Benjamini and Hochberg: the least false discovery rate at which each is found. */
export function adjusted(p: readonly number[]): number[] {
  const order = Array.from(p.keys()).sort((a, b) => p[a]! - p[b]!);
  const found = p.slice();
  let least = 1;
  for (let rank = order.length; rank > 0; rank--) {
    const at = order[rank - 1]!;
    least = Math.min(least, (p[at]! * p.length) / rank);
    found[at] = least;
  }
  return found;
}

/** Of each label against all others: squared distance of the means, difference of the mean sizes, and its mean size. */
function statistics(gram: Float64Array, sizes: readonly number[], labels: Int32Array, count: number) {
  const n = labels.length;
  const members = new Float64Array(count);
  const sums = new Float64Array(count);
  /** Sums of products: of pairs of a label, and of a label with all. */
  const within = new Float64Array(count);
  const across = new Float64Array(count);
  let [all, total] = [0, 0];
  for (let i = 0; i < n; i++) {
    const label = labels[i]!;
    members[label]!++;
    sums[label]! += sizes[i]!;
    total += sizes[i]!;
    let own = 0;
    let row = 0;
    for (let j = 0; j < n; j++) {
      const product = gram[i * n + j]!;
      row += product;
      if (labels[j] === label) own += product;
    }
    within[label]! += own;
    across[label]! += row;
    all += row;
  }
  const distance = new Float64Array(count);
  const difference = new Float64Array(count);
  const mean = new Float64Array(count);
  for (let label = 0; label < count; label++) {
    const [a, b] = [members[label]!, n - members[label]!];
    const [own, cross] = [within[label]!, across[label]! - within[label]!];
    distance[label] = own / (a * a) - (2 * cross) / (a * b) + (all - own - 2 * cross) / (b * b);
    mean[label] = sums[label]! / a;
    difference[label] = Math.abs(mean[label]! - (total - sums[label]!) / b);
  }
  return { distance, difference, mean };
}
