import type { LongCall } from '../base/progress.ts';
import { createRandom } from '../base/random.ts';
import { PolysemeError } from '../errors.ts';
import type { ClusterOptions } from '../features/split.ts';
import { COMPARED, type ComparedMetric, eachCompared } from '../polysemy/column-lists.ts';
import { edgesOf, histogram } from './bins.ts';
import {
  type Difference,
  difference,
  type Interval,
  medianInterval,
  type Quantiles,
  quantiles,
  RESAMPLES,
} from './bootstrap.ts';
import { type ExampleSource, matchedExamples } from './matched.ts';
import { type CompareProgress, type Measured, measureBank, textSeed } from './measure-bank.ts';

export interface CompareOptions extends LongCall<CompareProgress> {
  /** Examples of every unit; default: the most that at least half of the live units of each bank have. */
  readonly examples?: number;
  /** Most units of a bank, chosen at random; default all. */
  readonly units?: number;
  /** Seed of every choice; default 0. */
  readonly seed?: number;
  /** Resamples of the bootstrap intervals; default {@link RESAMPLES}. */
  readonly resamples?: number;
}

/** One metric of one bank over its compared units. */
export interface MetricComparison extends Quantiles {
  /** 95 % bootstrap interval of the median; null for fewer than two numbers. */
  readonly interval: Interval | null;
  /** The same metric where each unit's examples are replaced by unrelated ones of the bank. */
  readonly null: Quantiles;
  /** Units by the edges of `Comparison.edges`, and the same under the null. */
  readonly histogram: readonly number[];
  readonly nullHistogram: readonly number[];
}

export interface BankComparison {
  readonly name: string;
  readonly units: number;
  /** Units without examples. */
  readonly dead: number;
  /** Live units left out because they have fewer than `examples`. */
  readonly tooFew: number;
  /** Units that the metrics are over. */
  readonly compared: number;
  /**
   * Share of the compared units with fewer clusters than under the null, ties counting half: 0.5 means that their
   * number does not tell the examples from unrelated ones. Null without units.
   */
  readonly belowNull: number | null;
  readonly metrics: Readonly<Record<ComparedMetric, MetricComparison>>;
}

/** Where two banks differ. */
export interface BankDifference extends Difference {
  readonly metric: ComparedMetric;
  /** The first less the second. */
  readonly banks: readonly [string, string];
  /** Whether the interval of the superiority leaves 0.5 out; null where `unequalDepth` forbids a verdict. */
  readonly differs: boolean | null;
}

/** Banks side by side, with equal numbers of examples; plain JSON. */
export interface Comparison {
  /** Whether all compared units have `examples` examples: always. */
  readonly matched: true;
  /**
   * Why no verdict is given, one line each: the examples of a bank are not drawn at random among all positions that
   * activate a unit, or banks were not run on the same text. Empty where verdicts hold.
   */
  readonly unequalDepth: readonly string[];
  readonly examples: number;
  readonly linkage: string;
  readonly threshold: number;
  readonly seed: number;
  readonly resamples: number;
  readonly banks: readonly BankComparison[];
  /** Edges of the histograms' bins of each metric, the same for every bank: bin i is [edges[i], edges[i + 1]), the last one closed. */
  readonly edges: Readonly<Record<ComparedMetric, readonly number[]>>;
  readonly differences: readonly BankDifference[];
}

/**
 * Compares the polysemy of two or more banks. Every unit's examples are drawn down to one number (seeded) and split
 * into features anew, so that a bank whose units have more examples does not look more polysemantic. Beside each
 * metric stands its null: the same unit, weights and number, but with inputs drawn from other units' examples of the
 * bank. A bank whose number of clusters is near its null has units whose examples are no more alike than unrelated
 * ones; a null near 1 says that at this threshold the number of clusters tells nothing. Where examples are near each
 * other but their inputs are not (`inputDistance`), it is the weights that make them alike.
 *
 * @param sources banks, wherever their examples are kept: inputs n × d and a row of weights for each unit
 * @param cluster linkage and threshold (a cosine distance in [0, 2])
 * @throws PolysemeError for fewer than two banks, two of one name, or too few examples
 * @example
 * const bank = (name: string, turn: number) => ({
 *   name,
 *   embedding: { kind: 'linear' as const },
 *   width: 2,
 *   counts: [8, 8],
 *   unit: (index: number) => ({
 *     inputs: Float32Array.from({ length: 16 }, (_, i) => Math.sin(turn * (i + 1) + index)),
 *     weights: Float32Array.of(1, 0.5),
 *     count: 8,
 *   }),
 * });
 * const cluster = { linkage: 'average' as const, threshold: 0.5 };
 * const { banks } = await compareSources([bank('a', 1), bank('b', 2)], cluster);
 * console.log(banks.map(({ name, compared }) => `${name} ${compared}`).join(' ')); // a 2 b 2
 */
export async function compareSources(
  sources: readonly ExampleSource[],
  cluster: ClusterOptions,
  { examples, units, seed = 0, resamples = RESAMPLES, onProgress, signal }: CompareOptions = {},
): Promise<Comparison> {
  checkNames(sources.map(({ name }) => name));
  for (const [name, value, least] of [
    ['examples', examples, 2],
    ['units', units, 2],
    ['resamples', resamples, 1],
    ['seed', seed, 0],
  ] as const) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= least)) {
      throw new PolysemeError(`compare: ${name} is ${value}; it must be a whole number of at least ${least}`);
    }
  }
  const matched = matchedNumber(sources, examples);
  const measured: Measured[] = [];
  for (const source of sources) {
    measured.push(
      await measureBank(source, matched, cluster, {
        units,
        salt: textSeed(source.name, seed),
        onProgress,
        signal,
      }),
    );
  }
  return comparisonOf(measured, cluster, { examples: matched, seed, resamples });
}

/** What a comparison needs to know of a bank that was measured. */
export type ComparedSource = Pick<ExampleSource, 'name' | 'counts' | 'chosen'>;

/**
 * The number of examples that banks are compared at.
 * @throws PolysemeError where a bank has no units of two or more
 */
export function matchedNumber(sources: readonly ComparedSource[], examples?: number): number {
  checkNames(sources.map(({ name }) => name));
  const matched = examples ?? matchedExamples(sources);
  if (matched < 2) {
    const counts = sources.map(({ name, counts }) => `${name}: ${matchedExamples([{ counts }])}`);
    throw new PolysemeError(
      `half of the live units of each bank must have two examples (they have ${counts.join(', ')}): make the study from more text`,
    );
  }
  for (const { name, counts } of sources) {
    if (!Array.from(counts).some((count) => count >= matched)) {
      throw new PolysemeError(
        `compare: no unit of ${name} has ${matched} examples (the most is ${Array.from(counts).reduce((a, b) => Math.max(a, b), 0)})`,
      );
    }
  }
  return matched;
}

/** The comparison of banks whose units were measured at one number of examples. */
export function comparisonOf(
  measured: readonly Measured[],
  cluster: Pick<Comparison, 'linkage' | 'threshold'>,
  { examples, seed, resamples = RESAMPLES }: { examples: number; seed: number; resamples?: number },
): Comparison {
  const unequalDepth = measured.flatMap(({ source: { name, chosen } }) =>
    chosen === undefined ? [] : [`the examples of ${name} are ${chosen}`],
  );
  const edges = eachCompared((metric) =>
    edgesOf(measured.flatMap(({ own, null: none }) => [own[metric], none[metric]])),
  );
  return {
    matched: true,
    unequalDepth,
    examples,
    linkage: cluster.linkage,
    threshold: cluster.threshold,
    seed,
    resamples,
    banks: measured.map((bank) => describeBank(bank, edges, resamples, seed)),
    edges,
    differences: differences(measured, resamples, seed, unequalDepth.length === 0),
  };
}

function describeBank(
  { source, compared, tooFew, own, null: none }: Measured,
  edges: Comparison['edges'],
  resamples: number,
  seed: number,
): BankComparison {
  const { name, counts } = source;
  const dead = Array.from(counts).filter((count) => count === 0).length;
  return {
    name,
    units: counts.length,
    dead,
    tooFew,
    compared,
    belowNull: belowNull(own.clusters, none.clusters),
    metrics: eachCompared((metric) => {
      const values = own[metric].filter((value) => !Number.isNaN(value));
      const nulls = none[metric].filter((value) => !Number.isNaN(value));
      return {
        ...quantiles(values),
        interval: medianInterval(values, resamples, createRandom(textSeed(`${name} ${metric}`, seed))),
        null: quantiles(nulls),
        histogram: histogram(values, edges[metric]),
        nullHistogram: histogram(nulls, edges[metric]),
      };
    }),
  };
}

function differences(
  found: readonly Measured[],
  resamples: number,
  seed: number,
  verdicts: boolean,
): BankDifference[] {
  const all: BankDifference[] = [];
  found.forEach((a, i) => {
    for (const b of found.slice(i + 1)) {
      for (const metric of COMPARED) {
        const [x, y] = [a, b].map(({ own }) => own[metric].filter((value) => !Number.isNaN(value)));
        const banks = [a.source.name, b.source.name] as const;
        const found = difference(x!, y!, resamples, textSeed(`${banks.join()} ${metric}`, seed));
        if (found === null) continue;
        const [low, high] = found.superiorityInterval;
        all.push({ metric, banks, ...found, differs: verdicts ? low > 0.5 || high < 0.5 : null });
      }
    }
  });
  return all;
}

function belowNull(own: Float64Array, none: Float64Array): number | null {
  const pairs = own.length === 0 || Number.isNaN(none[0]!) ? 0 : own.length;
  if (pairs === 0) return null;
  return own.reduce((sum, k, i) => sum + (k < none[i]! ? 1 : k === none[i] ? 0.5 : 0), 0) / pairs;
}

function checkNames(names: readonly string[]): void {
  if (names.length < 2) throw new PolysemeError('compare: name two or more banks');
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new PolysemeError(`compare: bank ${twice} is named twice`, 'damaged');
}
