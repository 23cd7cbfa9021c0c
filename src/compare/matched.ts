import type { Embedding } from '../bank/embedding.ts';
import { createRandom, type Random } from '../base/random.ts';
import { meanCosineDistance } from '../embed/mean-distance.ts';
import { type ClusterOptions, splitUnit } from '../features/split.ts';
import type { Judgement } from '../polysemy/judgement.ts';
import type { Polysemy } from '../polysemy/metrics.ts';

/** A unit's examples, as its neuron embeddings follow from them. */
export interface UnitExamples {
  /** h of each example, n×d. */
  readonly inputs: Float32Array;
  /** The unit's row of its bank's weights. */
  readonly weights: Float32Array;
  readonly count: number;
  /** μ, where embeddings are of h − μ. */
  readonly centre?: Float32Array;
  /** h at random text positions, m × d. */
  readonly nullInputs?: Float32Array;
}

/** The metrics of some of a unit's examples. */
export interface MatchedMetrics extends Polysemy, Judgement {
  /**
   * Mean distance over all pairs of the inputs h themselves, which owes nothing to w. Where meanDistance is small and
   * this is not, the weights look at little of the input, and make any two inputs that activate the unit alike.
   */
  readonly inputDistance: number | null;
}

/** A bank's units, wherever they are kept. */
export interface ExampleSource {
  readonly name: string;
  readonly embedding: Embedding;
  /** Dimension d of h. */
  readonly width: number;
  /** Number of examples of each unit. */
  readonly counts: ArrayLike<number>;
  /**
   * How they were chosen, where it was not at random among all positions that activate the unit: `its units’
   * strongest`. Units that are active more often are then looked at nearer to their maximum.
   */
  readonly chosen?: string;
  unit(index: number): UnitExamples;
}

/** Inputs of many units of a bank, one row an example, no two alike; `owner` is the unit. */
export interface Pool {
  readonly rows: Float32Array;
  readonly owner: Uint32Array;
}

/** Least number of inputs in a pool, where the bank has as many. */
const POOL = 2048;
/** Most units that a pool is drawn from. */
const POOL_UNITS = 512;
/** Numbers of an input that tell it from others. */
const KEY = 16;

/**
 * The largest number of examples that at least half of the live units of each bank have; 0 where a bank has none
 * alive.
 */
export function matchedExamples(
  banks: readonly {
    readonly counts: ArrayLike<number>;
    /** Above 0 for units that are alive; default `counts`. */
    readonly live?: ArrayLike<number>;
  }[],
): number {
  return Math.min(
    ...banks.map(({ counts, live: alive = counts }) => {
      const live = Uint32Array.from(counts)
        .filter((_, unit) => alive[unit]! > 0)
        .sort()
        .reverse();
      return live[Math.ceil(live.length / 2) - 1] ?? 0;
    }),
  );
}

/** Features and metrics of `n` of a unit's examples, chosen at random. */
export function measureMatched(
  embedding: Embedding,
  unit: UnitExamples,
  n: number,
  cluster: ClusterOptions,
  random: Random,
): MatchedMetrics {
  const chosen = draw(unit.count, n, random).sort();
  return measure(embedding, unit.inputs, unit, chosen, cluster);
}

/**
 * Features and metrics that the unit would have if its examples had nothing to do with each other: n inputs of other
 * units of the bank in the place of its own, with its own weights. Null where the pool is too small.
 */
export function measureNull(
  embedding: Embedding,
  own: Omit<UnitExamples, 'inputs' | 'count'>,
  unit: number,
  { rows, owner }: Pool,
  n: number,
  cluster: ClusterOptions,
  random: Random,
): MatchedMetrics | null {
  const others = Int32Array.from(owner.keys()).filter((row) => owner[row] !== unit);
  if (others.length < n) return null;
  const chosen = draw(others.length, n, random).map((i) => others[i]!);
  return measure(embedding, rows, own, chosen, cluster);
}

/** Draws the examples that stand for the whole bank, evenly from units drawn at random. */
export function drawPool(bank: ExampleSource, n: number, seed: number): Pool {
  const random = createRandom(seed);
  const live = Int32Array.from({ length: bank.counts.length }, (_, unit) => unit).filter(
    (unit) => bank.counts[unit]! > 0,
  );
  random.shuffle(live);
  const size = Math.max(POOL, 4 * n);
  const units = live.subarray(0, POOL_UNITS);
  const each = Math.ceil(size / Math.max(1, units.length));
  const rows: Float32Array[] = [];
  const owner: number[] = [];
  const known = new Set<string>();
  for (const unit of units) {
    const { inputs, count } = bank.unit(unit);
    const width = inputs.length / count;
    for (const i of draw(count, Math.min(each, count), random)) {
      const row = inputs.subarray(i * width, (i + 1) * width);
      const key = row.subarray(0, KEY).join();
      if (known.has(key)) continue;
      known.add(key);
      rows.push(row.slice());
      owner.push(unit);
    }
  }
  const pool = new Float32Array(rows.length * bank.width);
  rows.forEach((row, i) => {
    pool.set(row, i * bank.width);
  });
  return { rows: pool, owner: Uint32Array.from(owner) };
}

function measure(
  embedding: Embedding,
  rows: Float32Array,
  { weights, centre, nullInputs }: Omit<UnitExamples, 'inputs' | 'count'>,
  chosen: Int32Array,
  cluster: ClusterOptions,
): MatchedMetrics {
  const width = embedding.kind === 'linear' ? weights.length : (weights.length - 2) / 2;
  const inputs = new Float32Array(chosen.length * width);
  chosen.forEach((row, i) => {
    inputs.set(rows.subarray(row * width, (row + 1) * width), i * width);
  });
  const count = chosen.length;
  const { metrics, judgement } = splitUnit({ embedding, inputs, weights, centre, nullInputs, ...cluster });
  return { ...metrics, ...judgement, inputDistance: meanCosineDistance({ rows: inputs, count }) };
}

/** `n` different numbers below `count`, in random order. */
function draw(count: number, n: number, random: Random): Int32Array {
  const all = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = 0; i < n; i++) {
    const j = i + random.integer(count - i);
    const held = all[i]!;
    all[i] = all[j]!;
    all[j] = held;
  }
  return all.slice(0, n);
}
