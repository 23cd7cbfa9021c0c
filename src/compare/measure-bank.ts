import { hashText } from '../base/hash.ts';
import { checkAborted, type LongCall, type Progress } from '../base/progress.ts';
import { createRandom } from '../base/random.ts';
import { nextTurn } from '../base/turn.ts';
import type { ClusterOptions } from '../features/split.ts';
import { COMPARED, type ComparedMetric, eachCompared } from '../polysemy/column-lists.ts';
import { drawPool, type ExampleSource, measureMatched, measureNull } from './matched.ts';

/** Units of one bank that were measured. */
export interface CompareProgress extends Progress {
  readonly stage: 'compare';
  readonly unit: 'units';
  readonly bank: string;
}

/** The metrics of one bank's units: NaN where a unit has none. */
export interface Measured {
  readonly source: Pick<ExampleSource, 'name' | 'counts' | 'chosen'>;
  readonly compared: number;
  readonly tooFew: number;
  readonly own: Readonly<Record<ComparedMetric, Float64Array>>;
  readonly null: Readonly<Record<ComparedMetric, Float64Array>>;
}

export interface MeasureOptions extends LongCall<CompareProgress> {
  /** Most units, chosen at random; default all. */
  readonly units?: number;
  /** Decides every choice. */
  readonly salt: number;
}

/** Units between two looks at what else the program has to do. */
const UNITS_PER_TURN = 16;

/** Measures each unit of a bank that has `n` examples: its own, and as many unrelated ones of the bank. */
export async function measureBank(
  source: ExampleSource,
  n: number,
  cluster: ClusterOptions,
  { units: most, salt, onProgress, signal }: MeasureOptions,
): Promise<Measured> {
  const { counts, embedding, name } = source;
  const live = Int32Array.from({ length: counts.length }, (_, unit) => unit).filter((u) => counts[u]! > 0);
  const enough = live.filter((unit) => counts[unit]! >= n);
  const units =
    most === undefined ? enough : createRandom(salt, 1).shuffle(enough.slice()).slice(0, most).sort();
  const pool = units.length === 0 ? null : drawPool(source, n, salt);
  const own = eachCompared(() => new Float64Array(units.length));
  const none = eachCompared(() => new Float64Array(units.length));
  for (const [i, unit] of units.entries()) {
    const random = createRandom(salt + 1, unit);
    const examples = source.unit(unit);
    const metrics = measureMatched(embedding, examples, n, cluster, random);
    const nullMetrics = measureNull(embedding, examples, unit, pool!, n, cluster, random);
    for (const metric of COMPARED) {
      own[metric][i] = metrics[metric] ?? Number.NaN;
      none[metric][i] = nullMetrics?.[metric] ?? Number.NaN;
    }
    if (i % UNITS_PER_TURN === UNITS_PER_TURN - 1) {
      onProgress?.({ stage: 'compare', bank: name, done: i + 1, total: units.length, unit: 'units' });
      await nextTurn();
      checkAborted(signal);
    }
  }
  onProgress?.({ stage: 'compare', bank: name, done: units.length, total: units.length, unit: 'units' });
  return { source, compared: units.length, tooFew: live.length - enough.length, own, null: none };
}

/** A seed of its own for each text. */
export function textSeed(text: string, seed: number): number {
  return hashText(text) * 2 ** 20 + seed;
}
