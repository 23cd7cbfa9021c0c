import { createRandom, type Random } from '../base/random.ts';

/** A distribution in short; all null where there is no number. */
export interface Quantiles {
  readonly count: number;
  readonly min: number | null;
  readonly q1: number | null;
  readonly median: number | null;
  readonly q3: number | null;
  readonly max: number | null;
  readonly mean: number | null;
}

export type Interval = readonly [number, number];

/** How two groups of numbers differ: A less B. */
export interface Difference {
  /** Median of A less median of B. */
  readonly median: number;
  readonly medianInterval: Interval;
  /** Chance that a number of A exceeds one of B, ties counting half: 0.5 where the two are alike. */
  readonly superiority: number;
  readonly superiorityInterval: Interval;
}

/** Resamples of a bootstrap interval, unless told otherwise. */
export const RESAMPLES = 1000;

/** Shares of the resamples that lie outside an interval, on each side: 95 % intervals. */
const TAIL = 0.025;

/** Quantiles of numbers, between them by linear interpolation (NumPy's default, type 7). */
export function quantiles(values: Float64Array): Quantiles {
  return quantilesOf(values.slice().sort());
}

/** As quantiles, of numbers that ascend already. */
export function quantilesOf(sorted: Float64Array): Quantiles {
  const count = sorted.length;
  if (count === 0) return { count, min: null, q1: null, median: null, q3: null, max: null, mean: null };
  const [min, q1, median, q3, max] = [0, 0.25, 0.5, 0.75, 1].map((share) => quantileOf(sorted, share));
  return { count, min: min!, q1: q1!, median: median!, q3: q3!, max: max!, mean: mean(sorted) };
}

/**
 * The 95 % percentile bootstrap interval of the median; null for fewer than two numbers. A resample is not drawn: only
 * the ranks of its middle, from the joint distribution of the middle order statistics of n uniform numbers, so that
 * the cost of a resample does not grow with n.
 */
export function medianInterval(values: Float64Array, resamples: number, random: Random): Interval | null {
  const n = values.length;
  if (n < 2) return null;
  const sorted = values.slice().sort();
  const at = (u: number): number => sorted[Math.min(n - 1, Math.floor(u * n))]!;
  // The k-th smallest of n uniform numbers is Beta(k, n + 1 − k); the next one lies the least of n − k uniform
  // numbers between it and 1 above.
  const k = Math.ceil(n / 2);
  return interval(
    Float64Array.from({ length: resamples }, () => {
      const x = gamma(random, k);
      const low = x / (x + gamma(random, n + 1 - k));
      const high = n % 2 === 1 ? low : low + (1 - low) * (1 - random.next() ** (1 / (n - k)));
      return (at(low) + at(high)) / 2;
    }),
  );
}

/** How A and B differ, with 95 % percentile bootstrap intervals; null where either has fewer than two numbers. */
export function difference(
  a: Float64Array,
  b: Float64Array,
  resamples: number,
  seed: number,
): Difference | null {
  if (a.length < 2 || b.length < 2) return null;
  const random = createRandom(seed);
  const [groupA, groupB] = [new Resampled(a), new Resampled(b)];
  const exact = { median: groupA.median() - groupB.median(), superiority: superiority(groupA, groupB) };
  const medians = new Float64Array(resamples);
  const superiorities = new Float64Array(resamples);
  for (let i = 0; i < resamples; i++) {
    groupA.draw(random);
    groupB.draw(random);
    medians[i] = groupA.median() - groupB.median();
    superiorities[i] = superiority(groupA, groupB);
  }
  return { ...exact, medianInterval: interval(medians), superiorityInterval: interval(superiorities) };
}

/** Numbers in order, each with how often the current resample holds it: at first once. */
class Resampled {
  readonly sorted: Float64Array;
  readonly times: Uint32Array;

  constructor(values: Float64Array) {
    this.sorted = values.slice().sort();
    this.times = new Uint32Array(values.length).fill(1);
  }

  draw(random: Random): void {
    const { length } = this.times;
    this.times.fill(0);
    for (let i = 0; i < length; i++) this.times[random.integer(length)]!++;
  }

  median(): number {
    const { length } = this.sorted;
    const at = (rank: number): number => {
      let i = 0;
      for (let below = this.times[0]!; below <= rank; ) below += this.times[++i]!;
      return this.sorted[i]!;
    };
    const low = at((length - 1) >> 1);
    return length % 2 === 1 ? low : (low + at(length >> 1)) / 2;
  }
}

/** By one walk through both groups in order. */
function superiority(a: Resampled, b: Resampled): number {
  const { length } = b.sorted;
  let [wins, below, j] = [0, 0, 0];
  for (let i = 0; i < a.sorted.length; ) {
    const value = a.sorted[i]!;
    while (j < length && b.sorted[j]! < value) below += b.times[j++]!;
    let equal = 0;
    for (let k = j; k < length && b.sorted[k] === value; k++) equal += b.times[k]!;
    for (; i < a.sorted.length && a.sorted[i] === value; i++) wins += a.times[i]! * (below + equal / 2);
  }
  return wins / (a.sorted.length * length);
}

function interval(values: Float64Array): Interval {
  values.sort();
  return [quantileOf(values, TAIL), quantileOf(values, 1 - TAIL)];
}

function quantileOf(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (place - low) * (sorted[high]! - sorted[low]!);
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** A gamma variate of a shape of at least 1 (Marsaglia & Tsang 2000). */
function gamma(random: Random, shape: number): number {
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(random);
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    if (Math.log(1 - random.next()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}
