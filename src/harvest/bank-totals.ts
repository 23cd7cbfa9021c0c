import type { PackedArrays } from '../base/pack.ts';
import { sharedBytes } from '../base/shared-bytes.ts';
import { PolysemeError } from '../errors.ts';
import type { HarvestBank } from './batch.ts';
import type { CollectedBank, HarvestedBank } from './collector.ts';
import { addSums, type ExactSums, exactSums, sumsOf, sumWords } from './exact-sums.ts';
import { offerChosen, type PackedChosen, packChosen, unpackChosen } from './packed-chosen.ts';
import { addHistogram, type PackedHistogram, packHistogram } from './packed-histogram.ts';
import { HISTOGRAM_BINS } from './scan.ts';
import { type Chosen, needsMaxima, Selection, type SelectionOptions } from './selection.ts';

/** A bank's statistics and chosen examples over a part of the text. */
interface Totals {
  readonly sums: ExactSums;
  readonly max: Float32Array;
  readonly min: Float32Array;
  readonly active: Uint32Array;
  readonly histogram: Uint32Array;
  /** Text positions that were no examples, as sinks. */
  readonly sinks: number;
  /** Of a mixture: text positions that the router gave to each expert. */
  readonly routed: Float64Array | null;
  readonly chosen: Chosen;
  /** What the choice was by, where the strategy needs it. */
  readonly maxima: Float32Array | null;
}

/** What a shard found of a bank. */
export function packBank(
  { scan, bank, selection, maxima, sinks, routed }: CollectedBank,
  hasMaxima: boolean,
): PackedArrays {
  const { high, low, max, min, active, histogram } = scan.state();
  return packTotals(
    {
      sums: sumsOf({ high: high.slice(), low: low.slice() }),
      max,
      min,
      active,
      histogram,
      sinks: sinks[0]!,
      routed,
      chosen: selection,
      maxima: hasMaxima ? maxima : null,
    },
    bank.units,
  );
}

function packTotals(
  { sums, histogram, sinks, routed, chosen, maxima, max, min, active }: Totals,
  units: number,
): PackedArrays {
  return {
    ...sumWords(sums),
    max: max.slice(),
    min: min.slice(),
    active: active.slice(),
    ...packHistogram(histogram),
    sinks: Float64Array.of(sinks),
    ...(routed && { routed: routed.slice() }),
    ...packChosen(chosen, units),
    ...(maxima && { maxima: maxima.slice() }),
  };
}

/** A bank's statistics and examples, merged from what shards found: any order and any grouping give the same. */
export class BankTotals {
  readonly #units: number;
  readonly #options: SelectionOptions;
  readonly #sums: ExactSums;
  readonly #max: Float32Array;
  readonly #min: Float32Array;
  readonly #active: Uint32Array;
  readonly #histogram: Uint32Array;
  #sinks = 0;
  #routed: Float64Array | null = null;
  readonly #selection: Selection;
  #maxima: Float32Array | null = null;

  constructor({ name, units }: Pick<HarvestBank, 'name' | 'units'>, options: SelectionOptions) {
    this.#units = units;
    this.#options = options;
    this.#sums = { high: new BigInt64Array(units), low: new BigInt64Array(units) };
    this.#max = new Float32Array(units).fill(Number.NEGATIVE_INFINITY);
    this.#min = new Float32Array(units).fill(Number.POSITIVE_INFINITY);
    this.#active = new Uint32Array(units);
    this.#histogram = new Uint32Array(units * HISTOGRAM_BINS);
    this.#selection = new Selection(units, options, name);
  }

  /** @param name of the part, for errors */
  add(part: PackedArrays, name: string): void {
    checkShape(part, this.#units, name);
    addSums(this.#sums, sumsOf(part as { high: Uint32Array; low: Uint32Array }));
    raise(this.#max, part['max'] as Float32Array);
    part['min']!.forEach((value, unit) => {
      if (value < this.#min[unit]!) this.#min[unit] = value;
    });
    part['active']!.forEach((count, unit) => {
      this.#active[unit]! += count;
    });
    addHistogram(this.#histogram, part as unknown as PackedHistogram);
    this.#sinks += part['sinks']![0]!;
    const routed = part['routed'] as Float64Array | undefined;
    if (routed !== undefined)
      this.#routed = routed.map((count, expert) => count + (this.#routed?.[expert] ?? 0));
    if (needsMaxima(this.#options) && this.#maxima === null) {
      this.#maxima = part['maxima'] as Float32Array;
      this.#selection.setMaxima(this.#maxima);
    }
    offerChosen(this.#selection, part as unknown as PackedChosen, this.#units);
  }

  packed(): PackedArrays {
    return packTotals(
      {
        sums: this.#sums,
        max: this.#max,
        min: this.#min,
        active: this.#active,
        histogram: this.#histogram,
        sinks: this.#sinks,
        routed: this.#routed,
        chosen: this.#selection,
        maxima: this.#maxima,
      },
      this.#units,
    );
  }
}

/** The statistics and chosen examples that were packed, in shared memory. */
export function unpackTotals(
  part: PackedArrays,
  units: number,
  capacity: number,
): Pick<HarvestedBank, 'statistics' | 'chosen' | 'sinks' | 'routed'> {
  const histogram = new Uint32Array(sharedBytes(units * HISTOGRAM_BINS * 4));
  addHistogram(histogram, part as unknown as PackedHistogram);
  return {
    statistics: {
      sum: exactSums(sumsOf(part as { high: Uint32Array; low: Uint32Array })),
      max: part['max'] as Float32Array,
      min: part['min'] as Float32Array,
      active: part['active'] as Uint32Array,
      histogram,
    },
    chosen: unpackChosen(part as unknown as PackedChosen, units, capacity),
    sinks: part['sinks']![0]!,
    routed: (part['routed'] as Float64Array | undefined) ?? null,
  };
}

/** Refuses arrays that are not of so many units. */
function checkShape(part: PackedArrays, units: number, name: string): void {
  const length = (array: string): number => part[array]?.length ?? -1;
  const sum = (array: string): number => Array.from(part[array] ?? []).reduce((a, b) => a + b, 0);
  const lengths: [string, number][] = [
    ...['high', 'low'].map((array): [string, number] => [array, 2 * units]),
    ...['max', 'min', 'active', 'filled'].map((array): [string, number] => [array, units]),
    ...['bins', 'times'].map((array): [string, number] => [array, sum('filled')]),
    ...['score', 'context', 'position'].map((array): [string, number] => [array, sum('counts')]),
    ['sinks', 1],
  ];
  const bad = lengths.find(([array, expected]) => length(array) !== expected);
  if (bad === undefined && length('counts') > 0 && length('counts') % units === 0) return;
  const why = bad === undefined ? 'counts' : `${bad[0]} has ${length(bad[0])} values, not ${bad[1]}`;
  throw new PolysemeError(`${name} is damaged: ${why}`, 'damaged');
}

/** Puts the larger of two values in each place. */
export function raise(to: Float32Array, from: Float32Array): void {
  from.forEach((value, i) => {
    if (value > to[i]!) to[i] = value;
  });
}
