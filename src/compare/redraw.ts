import type { LongCall } from '../base/progress.ts';
import { PolysemeError } from '../errors.ts';
import type { ClusterOptions } from '../features/split.ts';
import { COMPARED, type ComparedMetric, eachCompared } from '../polysemy/column-lists.ts';
import type { ExampleSource } from './matched.ts';
import { matchedExamples } from './matched.ts';
import { type CompareProgress, type Measured, measureBank, textSeed } from './measure-bank.ts';
import { studentQuantile } from './student.ts';

/** A bank whose units' examples were drawn several times, at random among all positions that activate a unit. */
export interface DrawnBank {
  readonly name: string;
  /** Positions that activate each unit. */
  readonly active: ArrayLike<number>;
  /** A source a draw; the n-th draw of every bank is from the same part of the text. */
  readonly draws: readonly ExampleSource[];
}

export interface RedrawOptions extends LongCall<CompareProgress> {
  /** Examples of every unit in every draw; default: the most that at least half of the live units of each bank have. */
  readonly examples?: number;
  /** Most units of a bank in a draw, chosen at random anew for each; default all. */
  readonly units?: number;
  /** Seed of every choice; default 0. */
  readonly seed?: number;
}

/** One metric of a bank over several draws. */
export interface RedrawnMetric {
  /** Mean over the units that have a value, of each draw. */
  readonly draws: readonly (number | null)[];
  /** Mean of `draws`; null where a draw has no value, as all below. */
  readonly mean: number | null;
  /** Reseed noise: standard deviation of `draws`. */
  readonly noise: number | null;
  /** Smallest reliable difference of two such numbers: t₀.₉₇₅ · √2 · noise, with draws − 1 degrees of freedom. */
  readonly reliable: number | null;
  /** Mean of the same metric where each unit's examples are replaced by unrelated ones of the bank. */
  readonly null: number | null;
  /** Units with a value, in the draw that has fewest. */
  readonly units: number;
}

/** Units that enter no number, and why. */
export interface LeftOut {
  readonly reason: string;
  readonly units: number;
}

export interface RedrawnBank {
  readonly name: string;
  readonly units: number;
  /** Units of each draw. */
  readonly compared: number;
  readonly leftOut: readonly LeftOut[];
  readonly metrics: Readonly<Record<ComparedMetric, RedrawnMetric>>;
}

/** How two banks differ in a metric. */
export interface RedrawnDifference {
  readonly metric: ComparedMetric;
  /** The first less the second. */
  readonly banks: readonly [string, string];
  readonly difference: number;
  /** Smallest reliable difference: t₀.₉₇₅ · √(a² + b²), a and b the reseed noise of the two; t₀.₉₇₅ · √2 · noise where they are equal. */
  readonly reliable: number;
  /** Whether the first is larger or smaller; null inside the smallest reliable difference, where there is no ranking. */
  readonly verdict: 'larger' | 'smaller' | null;
}

/** Banks side by side at equal depth and equal numbers of examples, with the noise of the draw; plain JSON. */
export interface Redrawn {
  /** Draws of each unit's examples, each from a part of the text of its own. */
  readonly seeds: number;
  readonly examples: number;
  /** Text tokens of all parts together. */
  readonly tokens: number;
  readonly linkage: string;
  readonly threshold: number;
  readonly seed: number;
  readonly banks: readonly RedrawnBank[];
  readonly differences: readonly RedrawnDifference[];
}

/** Probability below t₀.₉₇₅: 95 % on both sides together. */
const LEVEL = 0.975;

/**
 * Compares banks whose examples were drawn several times. The number of a metric is its mean over units; its noise is
 * the standard deviation of that number over the draws, and two banks are ranked only where they differ by more than
 * the smallest reliable difference.
 *
 * @param tokens text tokens that were drawn from
 * @throws PolysemeError for fewer than two banks or draws, or too few examples
 */
export async function compareDraws(
  banks: readonly DrawnBank[],
  cluster: ClusterOptions,
  tokens: number,
  { examples, units, seed = 0, onProgress, signal }: RedrawOptions = {},
): Promise<Redrawn> {
  const seeds = banks[0]?.draws.length ?? 0;
  if (banks.length < 2) throw new PolysemeError('compare: name two or more banks');
  if (seeds < 2) throw new PolysemeError(`compare: seeds is ${seeds}; noise needs at least 2 draws`);
  const least = banks.map(leastCounts);
  const n = examples ?? matchedExamples(banks.map(({ active }, i) => ({ counts: least[i]!, live: active })));
  if (n < 2) {
    throw new PolysemeError(
      `half of the live units of each bank must have two examples in each of ${seeds} parts of the text: draw from more than ${tokens} tokens`,
    );
  }
  const measured: RedrawnBank[] = [];
  for (const [i, bank] of banks.entries()) {
    if (!least[i]!.some((count) => count >= n)) {
      throw new PolysemeError(
        `compare: no unit of ${bank.name} has ${n} examples in each of ${seeds} parts of the text (the most is ${Math.max(0, ...least[i]!)}): draw fewer, or from more than ${tokens} tokens`,
      );
    }
    measured.push(await measureDraws(bank, least[i]!, n, cluster, { units, seed, onProgress, signal }));
  }
  const { linkage, threshold } = cluster;
  return {
    seeds,
    examples: n,
    tokens,
    linkage,
    threshold,
    seed,
    banks: measured,
    differences: differences(measured, seeds),
  };
}

/** Of each unit, its number of examples in the draw that has fewest. */
function leastCounts({ draws }: DrawnBank): Uint32Array {
  return Uint32Array.from({ length: draws[0]!.counts.length }, (_, unit) =>
    Math.min(...draws.map(({ counts }) => counts[unit]!)),
  );
}

async function measureDraws(
  { name, active, draws }: DrawnBank,
  least: Uint32Array,
  n: number,
  cluster: ClusterOptions,
  { units: most, seed, ...call }: RedrawOptions & { readonly seed: number },
): Promise<RedrawnBank> {
  // The same units in every draw: those that have enough in all.
  const counts = least.map((count) => (count >= n ? n : 0));
  const measured: Measured[] = [];
  for (const [s, draw] of draws.entries()) {
    const source = { ...draw, counts: counts.map((count, unit) => (count === 0 ? 0 : draw.counts[unit]!)) };
    const salt = textSeed(`${name} draw ${s}`, seed);
    measured.push(await measureBank(source, n, cluster, { units: most, salt, ...call }));
  }
  const enough = counts.filter((count) => count > 0).length;
  const live = Array.from(active).filter((count) => count > 0).length;
  const { compared } = measured[0]!;
  const leftOut: LeftOut[] = [
    { reason: 'no text token activates it', units: counts.length - live },
    {
      reason: `fewer than ${n} tokens activate it in one of ${draws.length} parts of the text`,
      units: live - enough,
    },
    { reason: 'not drawn: each draw takes other units', units: enough - compared },
  ];
  return {
    name,
    units: counts.length,
    compared,
    leftOut: leftOut.filter(({ units }) => units > 0),
    metrics: eachCompared((metric) => redrawnMetric(measured, metric)),
  };
}

function redrawnMetric(measured: readonly Measured[], metric: ComparedMetric): RedrawnMetric {
  const draws = measured.map(({ own }) => meanOf(own[metric]));
  const nulls = measured.map((one) => meanOf(one.null[metric]));
  const mean = meanOf(draws);
  const noise =
    mean === null
      ? null
      : Math.sqrt(draws.reduce<number>((sum, x) => sum + (x! - mean) ** 2, 0) / (draws.length - 1));
  return {
    draws,
    mean,
    noise,
    reliable: noise === null ? null : reliable(noise, noise, draws.length),
    null: meanOf(nulls),
    units: Math.min(...measured.map(({ own }) => own[metric].filter((x) => !Number.isNaN(x)).length)),
  };
}

function reliable(noiseA: number, noiseB: number, seeds: number): number {
  return studentQuantile(LEVEL, seeds - 1) * Math.hypot(noiseA, noiseB);
}

function differences(banks: readonly RedrawnBank[], seeds: number): RedrawnDifference[] {
  const pairs = banks.flatMap((a, i) => banks.slice(i + 1).map((b) => [a, b] as const));
  return pairs.flatMap(([a, b]) =>
    COMPARED.flatMap((metric) => {
      const [x, y] = [a.metrics[metric], b.metrics[metric]];
      if (x.mean === null || y.mean === null) return [];
      const difference = x.mean - y.mean;
      const bound = reliable(x.noise!, y.noise!, seeds);
      const verdict = Math.abs(difference) <= bound ? null : difference > 0 ? 'larger' : 'smaller';
      return [{ metric, banks: [a.name, b.name] as const, difference, reliable: bound, verdict } as const];
    }),
  );
}

/** Mean of the numbers that are there (not NaN); null for none, or where one of a list of means is null. */
function meanOf(values: Float64Array | readonly (number | null)[]): number | null {
  if (Array.from(values).includes(null as never)) return null;
  const numbers = Array.from(values as ArrayLike<number>).filter((value) => !Number.isNaN(value));
  return numbers.length === 0 ? null : numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
}
