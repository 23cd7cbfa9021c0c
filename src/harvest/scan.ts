import { wasm } from '../wasm/generated/harvest.ts';
import { instantiate, type Kernel, reserve } from '../wasm/instance.ts';

/** Which activations count as examples: the largest, the most negative, or the largest of either sign. */
export type Sign = 'positive' | 'negative' | 'absolute';

/** Histogram bins: for each sign, one for |a| < 2^-12 and eight an octave up to 2^20; positive bins come first. */
export const HISTOGRAM_BINS = 514;

/** Per-unit statistics over every text token seen. Sums are float64 in token order. */
export interface Statistics {
  readonly sum: Float64Array;
  readonly max: Float32Array;
  readonly min: Float32Array;
  /** Tokens with a > 0. */
  readonly active: Uint32Array;
  /** units × HISTOGRAM_BINS */
  readonly histogram: Uint32Array;
}

interface Exports {
  scan(
    data: number,
    positions: number,
    units: number,
    valid: number,
    sign: number,
    statistics: number,
    sum: number,
    max: number,
    min: number,
    active: number,
    histogram: number,
    best: number,
    where: number,
  ): number;
  gather(from: number, count: number, stride: number, to: number): void;
  halve(from: number, count: number, to: number): number;
}

type Region =
  | 'sum'
  | 'max'
  | 'min'
  | 'active'
  | 'histogram'
  | 'best'
  | 'where'
  | 'scratch'
  | 'half'
  | 'valid'
  | 'data';

const SIGNS: Record<Sign, number> = { positive: 1, negative: -1, absolute: 0 };

/**
 * The scanner of one bank: a kernel with the bank's statistics in its memory, and room for the activations of
 * one context. The memory is laid out once and never grows.
 */
export class BankScan {
  readonly units: number;
  readonly #stride: number;
  readonly #kernel: Kernel<Exports>;
  readonly #at: Readonly<Record<Region, number>>;
  readonly #data: Float32Array;
  readonly #scratch: Float32Array;
  readonly #valid: Uint8Array;
  readonly #peaks: { readonly best: Float32Array; readonly where: Int32Array };
  /** The row packed last: `half.length` is the longest row's. */
  readonly half: Uint16Array;

  /** @param longest positions of the longest context; `width`: dimension of the unit's input */
  constructor(units: number, longest: number, width: number) {
    this.units = units;
    this.#stride = fours(units);
    this.#kernel = instantiate<Exports>(wasm);
    let end = 1024;
    const take = (bytes: number): number => {
      const start = end;
      end += Math.ceil(bytes / 64) * 64;
      return start;
    };
    this.#at = {
      sum: take(this.#stride * 8),
      max: take(this.#stride * 4),
      min: take(this.#stride * 4),
      active: take(this.#stride * 4),
      histogram: take(this.#stride * HISTOGRAM_BINS * 4),
      best: take(this.#stride * 4),
      where: take(this.#stride * 4),
      scratch: take(fours(Math.max(longest, width)) * 4),
      half: take(fours(Math.max(longest, width)) * 2),
      valid: take(longest),
      data: take(longest * this.#stride * 4),
    };
    reserve(this.#kernel.memory, end);
    const { buffer } = this.#kernel.memory;
    this.#data = this.#floats(this.#at.data, longest * this.#stride);
    this.#scratch = this.#floats(this.#at.scratch, fours(Math.max(longest, width)));
    this.#valid = new Uint8Array(buffer, this.#at.valid, longest);
    this.#peaks = {
      best: this.#floats(this.#at.best, units),
      where: new Int32Array(buffer, this.#at.where, units),
    };
    this.half = new Uint16Array(buffer, this.#at.half, fours(Math.max(longest, width)));
    this.#floats(this.#at.max, this.#stride).fill(Number.NEGATIVE_INFINITY);
    this.#floats(this.#at.min, this.#stride).fill(Number.POSITIVE_INFINITY);
  }

  /**
   * Scans one context's activations (row-major positions × units, starting at `offset` of `activations`).
   * @returns the peak score of each unit and its position (-1 where no position is valid), as views that the
   *   next scan overwrites; null when a NaN was met
   */
  scan(
    activations: Float32Array,
    offset: number,
    valid: Uint8Array,
    sign: Sign,
    statistics: boolean,
  ): { best: Float32Array; where: Int32Array } | null {
    const { units } = this;
    const stride = this.#stride;
    const positions = valid.length;
    const at = this.#at;
    const data = this.#data;
    if (stride === units) data.set(activations.subarray(offset, offset + positions * units));
    else {
      for (let t = 0; t < positions; t++) {
        data.set(activations.subarray(offset + t * units, offset + (t + 1) * units), t * stride);
      }
    }
    this.#valid.set(valid);
    const nan = this.#kernel.exports.scan(
      at.data,
      positions,
      stride,
      at.valid,
      SIGNS[sign],
      statistics ? 1 : 0,
      at.sum,
      at.max,
      at.min,
      at.active,
      at.histogram,
      at.best,
      at.where,
    );
    return nan === 0 ? this.#peaks : null;
  }

  /** Packs one unit's activations over the context scanned last into `half`; returns the scale. */
  packWindow(unit: number, positions: number): number {
    const at = this.#at;
    this.#kernel.exports.gather(at.data + unit * 4, positions, this.#stride, at.scratch);
    return this.#kernel.exports.halve(at.scratch, fours(positions), at.half);
  }

  /** Packs a row of floats into `half`; returns the scale. */
  packRow(values: Float32Array): number {
    this.#scratch.set(values);
    this.#scratch.fill(0, values.length, fours(values.length));
    return this.#kernel.exports.halve(this.#at.scratch, fours(values.length), this.#at.half);
  }

  /** One unit's activation at a position of the context scanned last. */
  activation(unit: number, position: number): number {
    return this.#data[position * this.#stride + unit]!;
  }

  /** The statistics so far, as views. */
  statistics(): Statistics {
    const { buffer } = this.#kernel.memory;
    const { units } = this;
    const at = this.#at;
    return {
      sum: new Float64Array(buffer, at.sum, units),
      max: this.#floats(at.max, units),
      min: this.#floats(at.min, units),
      active: new Uint32Array(buffer, at.active, units),
      histogram: new Uint32Array(buffer, at.histogram, units * HISTOGRAM_BINS),
    };
  }

  restore(saved: Statistics): void {
    const now = this.statistics();
    now.sum.set(saved.sum);
    now.max.set(saved.max);
    now.min.set(saved.min);
    now.active.set(saved.active);
    now.histogram.set(saved.histogram);
  }

  #floats(at: number, count: number): Float32Array {
    return new Float32Array(this.#kernel.memory.buffer, at, count);
  }
}

/** Lower edge of |a| of a bin of one sign (0 for the first). */
export function histogramEdge(bin: number): number {
  return bin === 0 ? 0 : 2 ** (-12 + Math.floor((bin - 1) / 8)) * (1 + ((bin - 1) % 8) / 8);
}

function fours(count: number): number {
  return Math.ceil(count / 4) * 4;
}
