import { createRandom, type Random } from '../random.ts';

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

/** Resamples of a bootstrap interval. */
const RESAMPLES = 2000;

/** Quantiles of ascending numbers, between them by linear interpolation (NumPy's default, type 7). */
export function quantilesOf(sorted: Float64Array): Quantiles {
  const count = sorted.length;
  if (count === 0) return { count, min: null, q1: null, median: null, q3: null, max: null, mean: null };
  const [min, q1, median, q3, max] = [0, 0.25, 0.5, 0.75, 1].map((share) => quantile(sorted, share));
  const mean = sorted.reduce((sum, value) => sum + value, 0) / count;
  return { count, min: min!, q1: q1!, median: median!, q3: q3!, max: max!, mean };
}

/**
 * The 95 % percentile bootstrap interval of the median of ascending numbers; null for fewer than two. A resample is not
 * drawn: only the ranks of its middle, from the joint distribution of the middle order statistics of n uniform
 * numbers, so that the cost does not grow with n.
 */
export function medianInterval(sorted: Float64Array, seed = 0): [number, number] | null {
  const n = sorted.length;
  if (n < 2) return null;
  const random = createRandom(seed);
  const medians = Float64Array.from({ length: RESAMPLES }, () => {
    // The k-th smallest of n uniform numbers is Beta(k, n + 1 − k); the next one lies the least of n − k uniform
    // numbers between it and 1 above.
    const k = Math.ceil(n / 2);
    const x = gamma(random, k);
    const low = x / (x + gamma(random, n + 1 - k));
    const high = n % 2 === 1 ? low : low + (1 - low) * (1 - random.next() ** (1 / (n - k)));
    const at = (u: number): number => sorted[Math.min(n - 1, Math.floor(u * n))]!;
    return (at(low) + at(high)) / 2;
  }).sort();
  return [quantile(medians, 0.025), quantile(medians, 0.975)];
}

function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (place - low) * (sorted[high]! - sorted[low]!);
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
