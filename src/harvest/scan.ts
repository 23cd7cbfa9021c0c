import { PolysemeError } from '../errors.ts';
import { wasm } from '../wasm/generated/harvest.ts';
import { instantiate, type Kernel, reserve } from '../wasm/instance.ts';
import { exactSums } from './exact-sums.ts';
import { type PackedRow, rowBytes } from './half-rows.ts';

/** Which activations count as examples: the largest, the most negative, or the largest of either sign. */
export type Sign = 'positive' | 'negative' | 'absolute';

/** Histogram bins: for each sign, one for |a| < 2^-12 and eight an octave up to 2^20; positive bins come first. */
export const HISTOGRAM_BINS = 514;

/** Per-unit statistics over every text token seen (of an expert's unit, every one that the router gave to it). Sums are exact, rounded once, whatever the order of the tokens. */
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
  scanUnits(
    data: number,
    positions: number,
    units: number,
    stride: number,
    valid: number,
    offsets: number,
    sign: number,
    statistics: number,
    high: number,
    low: number,
    max: number,
    min: number,
    active: number,
    histogram: number,
    best: number,
  ): number;
  windows(
    data: number,
    positions: number,
    units: number,
    valid: number,
    sign: number,
    best: number,
    where: number,
    pitch: number,
    to: number,
  ): void;
  halve(from: number, count: number, to: number): number;
  copy(to: number, from: number, bytes: number): void;
}

type Region =
  | 'high'
  | 'low'
  | 'max'
  | 'min'
  | 'active'
  | 'histogram'
  | 'best'
  | 'where'
  | 'scratch'
  | 'half'
  | 'windows'
  | 'row'
  | 'valid'
  | 'offsets'
  | 'data';

/** What the kernel's answers mean. */
const FAULTS = [
  '',
  'an activation is NaN: the weights overflow in float32, or are damaged',
  'an activation is 2^39 or more: the weights are damaged',
];

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
  readonly #best: Float32Array;
  readonly #where: Int32Array;
  readonly #half: Uint16Array;
  readonly #row: Uint8Array;
  /** Bytes from one unit's window to the next's, as in a table of rows. */
  readonly #pitch: number;
  readonly #longest: number;
  /** 1 for each four units whose windows of the context scanned last are packed, and whose peaks are found. */
  readonly #packed: Uint8Array;
  #positions = 0;
  #sign: Sign = 'positive';
  /** Of the context scanned last, by group of units; and of which group the kernel's memory has them. */
  #roles: readonly Uint8Array[] = [];
  #rolesHeld = -1;

  /** @param longest positions of the longest context; `width`: dimension of the unit's input */
  constructor(units: number, longest: number, width: number) {
    this.units = units;
    // An odd number of cache lines, so that successive positions of a unit do not share one set of the cache. The kernel reads
    // up to three units past the last.
    this.#stride = 16 * (Math.ceil((units + 3) / 16) | 1);
    this.#longest = longest;
    this.#pitch = rowBytes(longest);
    this.#kernel = instantiate<Exports>(wasm);
    const stride = this.#stride;
    let end = 1024;
    const take = (bytes: number): number => {
      const start = end;
      end += multiple(bytes, 64);
      return start;
    };
    this.#at = {
      high: take(stride * 8),
      low: take(stride * 8),
      max: take(stride * 4),
      min: take(stride * 4),
      active: take(stride * 4),
      histogram: take(stride * HISTOGRAM_BINS * 4),
      best: take(stride * 4),
      where: take(stride * 4),
      scratch: take(multiple(width, 4) * 4),
      half: take(multiple(width, 4) * 2),
      windows: take(stride * this.#pitch),
      row: take(this.#pitch),
      valid: take(longest),
      offsets: take(longest * 4),
      data: take(multiple(longest, 8) * stride * 4),
    };
    reserve(this.#kernel.memory, end);
    const { buffer } = this.#kernel.memory;
    this.#data = this.#floats(this.#at.data, multiple(longest, 8) * stride);
    this.#scratch = this.#floats(this.#at.scratch, multiple(width, 4));
    this.#valid = new Uint8Array(buffer, this.#at.valid, longest);
    this.#best = this.#floats(this.#at.best, units);
    this.#where = new Int32Array(buffer, this.#at.where, units);
    this.#half = new Uint16Array(buffer, this.#at.half, width);
    this.#row = new Uint8Array(buffer, this.#at.row, this.#pitch);
    this.#packed = new Uint8Array(stride / 4);
    this.#floats(this.#at.max, stride).fill(Number.NEGATIVE_INFINITY);
    this.#floats(this.#at.min, stride).fill(Number.POSITIVE_INFINITY);
  }

  /**
   * Scans one context's activations (row-major positions × units, starting at `offset` of `activations`).
   * @param roles a byte a position: 0 where it is no text, 1 where it is, 2 where it is but cannot be a peak; of several
   *   groups of units, each an equal share of them, what positions are to each
   * @returns the peak score of each unit (-Infinity where no position can be one), a view that the next scan overwrites
   * @throws PolysemeError (damaged) where an activation is NaN, or too large
   */
  scan(
    activations: Float32Array,
    offset: number,
    roles: Uint8Array | readonly Uint8Array[],
    sign: Sign,
    statistics: boolean,
  ): Float32Array {
    const { units } = this;
    const stride = this.#stride;
    const groups = roles instanceof Uint8Array ? [roles] : roles;
    const positions = groups[0]!.length;
    const data = this.#data;
    for (let t = 0; t < positions; t++) {
      data.set(activations.subarray(offset + t * units, offset + (t + 1) * units), t * stride);
    }
    data.fill(0, positions * stride, multiple(positions, 8) * stride);
    this.#positions = positions;
    this.#sign = sign;
    this.#roles = groups;
    this.#rolesHeld = -1;
    this.#packed.fill(0);
    const each = units / groups.length;
    groups.forEach((_, group) => {
      this.#scanGroup(group, each, sign, statistics);
    });
    return this.#best;
  }

  /** Scans some units of the context whose activations lie in the kernel's memory. */
  #scanGroup(group: number, units: number, sign: Sign, statistics: boolean): void {
    const at = this.#at;
    const first = group * units;
    this.#holdRoles(group);
    const fault = this.#kernel.exports.scanUnits(
      at.data + first * 4,
      this.#positions,
      units,
      this.#stride,
      at.valid,
      at.offsets,
      SIGNS[sign],
      statistics ? 1 : 0,
      at.high + first * 8,
      at.low + first * 8,
      at.max + first * 4,
      at.min + first * 4,
      at.active + first * 4,
      at.histogram + first * HISTOGRAM_BINS * 4,
      at.best + first * 4,
    );
    if (fault !== 0) throw new PolysemeError(FAULTS[fault]!, 'damaged');
  }

  #holdRoles(group: number): void {
    if (this.#rolesHeld === group) return;
    this.#valid.set(this.#roles[group]!);
    this.#rolesHeld = group;
  }

  /** The position of a unit's peak in the context scanned last; -1 where no position can be one. */
  position(unit: number): number {
    this.#pack(unit >> 2);
    return this.#where[unit]!;
  }

  /**
   * One unit's activations over the context scanned last, packed; zeros after them up to the longest context.
   * The halves are a view that later scans overwrite.
   */
  window(unit: number): PackedRow {
    this.#pack(unit >> 2);
    const start = this.#at.windows + unit * this.#pitch;
    const { buffer } = this.#kernel.memory;
    return {
      halves: new Uint16Array(buffer, start + 4, this.#longest),
      scale: new Float32Array(buffer, start, 1)[0]!,
    };
  }

  /** The windows of some neighbouring units, as rows of a table of them; a view that later scans overwrite. */
  windows(first: number, count: number): Uint8Array {
    for (let four = first >> 2; 4 * four < first + count; four++) this.#pack(four);
    if (count === 1) {
      // To copy a row costs less than to make a view of it.
      this.#kernel.exports.copy(this.#at.row, this.#at.windows + first * this.#pitch, this.#pitch);
      return this.#row;
    }
    return new Uint8Array(
      this.#kernel.memory.buffer,
      this.#at.windows + first * this.#pitch,
      count * this.#pitch,
    );
  }

  #pack(four: number): void {
    if (this.#packed[four] === 1) return;
    this.#packed[four] = 1;
    const at = this.#at;
    const first = 4 * four;
    const each = this.units / this.#roles.length;
    const last = Math.min(first + 3, this.units - 1);
    // The four may be of several groups: one after another, and what is not the group's own is done again.
    for (let group = Math.floor(first / each); group <= Math.floor(last / each); group++) {
      this.#holdRoles(group);
      const own = this.#where.slice(first, Math.min(group * each, last + 1));
      this.#kernel.exports.windows(
        at.data + first * 4,
        this.#positions,
        this.#stride,
        at.valid,
        SIGNS[this.#sign],
        at.best + first * 4,
        at.where + first * 4,
        this.#pitch,
        at.windows + first * this.#pitch,
      );
      if (group * each > first) this.#where.set(own, first);
    }
  }

  /** Packs an input row; the halves are a view that the next call overwrites. */
  pack(values: Float32Array): PackedRow {
    this.#scratch.set(values);
    const scale = this.#kernel.exports.halve(this.#at.scratch, this.#scratch.length, this.#at.half);
    return { halves: this.#half, scale };
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
      sum: exactSums({ high: this.#longs(at.high), low: this.#longs(at.low) }),
      max: this.#floats(at.max, units),
      min: this.#floats(at.min, units),
      active: new Uint32Array(buffer, at.active, units),
      histogram: new Uint32Array(buffer, at.histogram, units * HISTOGRAM_BINS),
    };
  }

  /** What a checkpoint must hold: the statistics, sums as the whole numbers that they are of; `restore` puts it back. */
  state(): Omit<Statistics, 'sum'> & { readonly high: Uint32Array; readonly low: Uint32Array } {
    const { max, min, active, histogram } = this.statistics();
    const words = (at: number) => new Uint32Array(this.#kernel.memory.buffer, at, 2 * this.units);
    return { high: words(this.#at.high), low: words(this.#at.low), max, min, active, histogram };
  }

  restore(saved: Record<string, ArrayLike<number>>): void {
    for (const [name, array] of Object.entries(this.state())) array.set(saved[name]!);
  }

  #longs(at: number): BigInt64Array {
    return new BigInt64Array(this.#kernel.memory.buffer, at, this.units);
  }

  #floats(at: number, count: number): Float32Array {
    return new Float32Array(this.#kernel.memory.buffer, at, count);
  }
}

/** Lower edge of |a| of a bin of one sign (0 for the first). */
export function histogramEdge(bin: number): number {
  return bin === 0 ? 0 : 2 ** (-12 + Math.floor((bin - 1) / 8)) * (1 + ((bin - 1) % 8) / 8);
}

function multiple(count: number, of: number): number {
  return Math.ceil(count / of) * of;
}
