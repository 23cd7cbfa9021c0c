import { PolysemeError } from '../errors.ts';
import { wasm } from '../wasm/generated/harvest.ts';
import { instantiate, type Kernel, reserve } from '../wasm/instance.ts';
import { exactSums } from './exact-sums.ts';
import { type PackedRow, rowAt, rowBytes } from './half-rows.ts';
import type { ScanExports, ScanRegion } from './scan-kernel.ts';

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

/** Contexts that are scanned together, at most. @param longest positions of the longest */
export function contextsTogether(longest: number): number {
  return Math.max(1, Math.floor(ROWS / multiple(longest, 8)));
}

/** Activations of a bank in one context. */
export interface ScanContext {
  /** Where they begin among those that are scanned: row-major, positions × units. */
  readonly first: number;
  /**
   * A byte a position: 0 where it is no text, 1 where it is, 2 where it is but cannot be a peak; of several groups of
   * units, each an equal share of them, what positions are to each.
   */
  readonly roles: readonly Uint8Array[];
}

/** Units that are at hand: from `first` up to `end`. */
export interface Panel {
  readonly first: number;
  readonly end: number;
}

/** Rows of activations that are scanned at a time, or those of one context where it has more. */
const ROWS = 1024;
/**
 * Units that are scanned at a time: their rows, a megabyte, stay in the cache, and lie on few pages of memory. Fewer make each row
 * a copy of its own that is too short to be read ahead.
 */
const PANEL = 256;

/** What the kernel's answers mean. */
const FAULTS = [
  '',
  'an activation is NaN: the weights overflow in float32, or are damaged',
  'an activation is 2^39 or more: the weights are damaged',
];

const SIGNS: Record<Sign, number> = { positive: 1, negative: -1, absolute: 0 };

/**
 * The scanner of one bank: a kernel with the bank's statistics in its memory, and room for the activations of some of its
 * units in some contexts. The memory is laid out once and never grows.
 */
export class BankScan {
  readonly units: number;
  /** Numbers from one row of activations to the next, and rows from one context to the next. */
  readonly #stride: number;
  readonly #rows: number;
  /** Numbers from one context's `best` to the next one's. */
  readonly #across: number;
  readonly #kernel: Kernel<ScanExports>;
  readonly #at: Readonly<Record<ScanRegion, number>>;
  readonly #data: Float32Array;
  readonly #scratch: Float32Array;
  readonly #valid: Uint8Array;
  readonly #counts: Int32Array;
  readonly #where: Int32Array;
  readonly #half: Uint16Array;
  readonly #row: Uint8Array;
  /** Bytes from one window to the next, as in a table of rows. */
  readonly #pitch: number;
  readonly #longest: number;
  /** The largest score of each unit, by context; -Infinity where no position can be a peak. */
  readonly best: readonly Float32Array[];
  /** By context and four units at hand, whether their peaks are found. */
  readonly #placed: Uint8Array;
  /** By context, whether the windows of the four units are packed that begin with `#four`. */
  readonly #packed: Uint8Array;
  #four = -1;
  #sign: Sign = 'positive';
  #panel: Panel = { first: 0, end: 0 };
  /** The contexts at hand; and of which group of units the kernel's memory has what positions are. */
  #scanned: readonly ScanContext[] = [];
  #rolesHeld = -1;

  /** @param longest positions of the longest context; `width`: dimension of the unit's input */
  constructor(units: number, longest: number, width: number) {
    this.units = units;
    const panel = Math.min(PANEL, multiple(units, 4));
    // An odd number of cache lines, so that successive positions of a unit do not share one set of the cache. The kernel reads
    // up to three units past the last.
    this.#stride = 16 * (Math.ceil((panel + 3) / 16) | 1);
    this.#rows = multiple(longest, 8);
    this.#longest = longest;
    this.#pitch = rowBytes(longest);
    this.#across = multiple(units + 3, 16);
    this.#kernel = instantiate<ScanExports>(wasm);
    const [across, contexts] = [this.#across, contextsTogether(longest)];
    const rows = contexts * this.#rows;
    let end = 1024;
    const take = (bytes: number): number => {
      const start = end;
      end += multiple(bytes, 64);
      return start;
    };
    this.#at = {
      high: take(across * 8),
      low: take(across * 8),
      max: take(across * 4),
      min: take(across * 4),
      active: take(across * 4),
      histogram: take(across * HISTOGRAM_BINS * 4),
      best: take(contexts * across * 4),
      where: take(contexts * this.#stride * 4),
      exponents: take(contexts * this.#stride * 4),
      scratch: take(multiple(width, 4) * 4),
      half: take(multiple(width, 4) * 2),
      windows: take(4 * contexts * this.#pitch),
      row: take(this.#pitch),
      valid: take(rows),
      positions: take(contexts * 4),
      offsets: take(rows * 4),
      bounds: take((2 * contexts + 1) * 4),
      faults: take(contexts * 16),
      data: take(rows * this.#stride * 4),
    };
    reserve(this.#kernel.memory, end);
    const { buffer } = this.#kernel.memory;
    this.#data = this.#floats(this.#at.data, rows * this.#stride);
    this.#scratch = this.#floats(this.#at.scratch, multiple(width, 4));
    this.#valid = new Uint8Array(buffer, this.#at.valid, rows);
    this.#counts = new Int32Array(buffer, this.#at.positions, contexts);
    this.best = Array.from({ length: contexts }, (_, r) =>
      this.#floats(this.#at.best + r * across * 4, units),
    );
    this.#where = new Int32Array(buffer, this.#at.where, contexts * this.#stride);
    this.#half = new Uint16Array(buffer, this.#at.half, width);
    this.#row = new Uint8Array(buffer, this.#at.row, this.#pitch);
    this.#placed = new Uint8Array((contexts * this.#stride) / 4);
    this.#packed = new Uint8Array(contexts);
    this.#floats(this.#at.max, across).fill(Number.NEGATIVE_INFINITY);
    this.#floats(this.#at.min, across).fill(Number.POSITIVE_INFINITY);
  }

  /**
   * Scans the activations of contexts, some units after others: `best` has the peak scores of those that were given last, and what
   * is asked for of a unit must be of these.
   * @param contexts at most `contextsTogether`
   * @throws PolysemeError (damaged) where an activation is NaN, or too large; through `inContext`, which says in which context
   */
  *scan(
    activations: Float32Array,
    contexts: readonly ScanContext[],
    sign: Sign,
    statistics: boolean,
    inContext: (context: number, fail: () => never) => void = (_, fail) => fail(),
  ): Generator<Panel, void, undefined> {
    this.#scanned = contexts;
    this.#rolesHeld = -1;
    this.#sign = sign;
    contexts.forEach(({ roles }, r) => {
      this.#counts[r] = roles[0]!.length;
    });
    for (let first = 0; first < this.units; first += PANEL) {
      this.#panel = { first, end: Math.min(first + PANEL, this.units) };
      this.#load(activations);
      this.#placed.fill(0);
      this.#four = -1;
      for (const { group, from, to } of this.#groups(first, this.#panel.end)) {
        const fault = this.#scanGroup(group, from, to, statistics);
        if (fault === 0) continue;
        inContext(fault >> 2, () => {
          throw new PolysemeError(FAULTS[fault & 3]!, 'damaged');
        });
      }
      yield this.#panel;
    }
  }

  /** Copies the activations of the units at hand to the kernel. */
  #load(activations: Float32Array): void {
    const { first, end } = this.#panel;
    const [data, stride, units] = [this.#data, this.#stride, this.units];
    this.#scanned.forEach((context, r) => {
      const positions = context.roles[0]!.length;
      let to = r * this.#rows * stride;
      let from = context.first + first;
      for (let t = 0; t < positions; t++, to += stride, from += units) {
        data.set(activations.subarray(from, from + end - first), to);
      }
      if (positions % 8 > 0) data.fill(0, to, to + (8 - (positions % 8)) * stride);
    });
  }

  /** The groups that some units are of, and which of them each has. */
  *#groups(first: number, end: number): Generator<{ group: number; from: number; to: number }> {
    const each = this.units / this.#scanned[0]!.roles.length;
    for (let group = Math.floor(first / each); group * each < end; group++) {
      yield { group, from: Math.max(first, group * each), to: Math.min(end, (group + 1) * each) };
    }
  }

  /** Scans units of one group whose activations lie in the kernel's memory. */
  #scanGroup(group: number, from: number, to: number, statistics: boolean): number {
    const at = this.#at;
    this.#holdRoles(group);
    return this.#kernel.exports.scanUnits(
      at.data + (from - this.#panel.first) * 4,
      this.#scanned.length,
      this.#rows,
      at.positions,
      to - from,
      this.#stride,
      at.valid,
      at.offsets,
      at.bounds,
      SIGNS[this.#sign],
      statistics ? 1 : 0,
      at.high + from * 8,
      at.low + from * 8,
      at.max + from * 4,
      at.min + from * 4,
      at.active + from * 4,
      at.histogram + from * HISTOGRAM_BINS * 4,
      at.best + from * 4,
      this.#across * 4,
      at.faults,
    );
  }

  #holdRoles(group: number): void {
    if (this.#rolesHeld === group) return;
    this.#scanned.forEach(({ roles }, r) => {
      this.#valid.set(roles[group]!, r * this.#rows);
    });
    this.#rolesHeld = group;
  }

  /** The position of a unit's peak in a context at hand; -1 where no position can be one. */
  position(unit: number, context: number): number {
    const own = unit - this.#panel.first;
    this.#place(own >> 2, context);
    return this.#where[context * this.#stride + own]!;
  }

  /**
   * One unit's activations over a context at hand, packed; zeros after them up to the longest context.
   * The halves are a view that is overwritten when others are asked for.
   */
  window(unit: number, context: number): PackedRow {
    return rowAt(this.#kernel.memory.buffer, this.#windowsAt(unit, context, 1), this.#longest);
  }

  /** The windows of a unit in some contexts one after another, as rows of a table of them; a view as that of `window`. */
  windows(unit: number, context: number, count: number): Uint8Array {
    const start = this.#windowsAt(unit, context, count);
    if (count === 1) {
      // To copy a row costs less than to make a view of it.
      this.#kernel.exports.copy(this.#at.row, start, this.#pitch);
      return this.#row;
    }
    return new Uint8Array(this.#kernel.memory.buffer, start, count * this.#pitch);
  }

  /** Packs a unit's windows in some contexts, with those of the units beside it; returns where they lie. */
  #windowsAt(unit: number, context: number, count: number): number {
    const own = unit - this.#panel.first;
    const four = own >> 2;
    if (this.#four !== four) {
      this.#four = four;
      this.#packed.fill(0);
    }
    const at = this.#at;
    const apart = this.#packed.length * this.#pitch;
    for (let r = context; r < context + count; r++) {
      if (this.#packed[r] === 1) continue;
      this.#packed[r] = 1;
      this.#place(four, r);
      this.#kernel.exports.windows(
        at.data + (r * this.#rows * this.#stride + 4 * four) * 4,
        this.#counts[r]!,
        this.#stride,
        at.exponents + (r * this.#stride + 4 * four) * 4,
        this.#pitch,
        apart,
        at.windows + r * this.#pitch,
      );
    }
    return at.windows + (own & 3) * apart + context * this.#pitch;
  }

  /** Finds the peaks of four neighbouring units. */
  #place(four: number, context: number): void {
    const own = context * this.#stride + 4 * four;
    if (this.#placed[own >> 2] === 1) return;
    this.#placed[own >> 2] = 1;
    if (this.#scanned[0]!.roles.length === 1) {
      this.#placeFour(four, context);
      return;
    }
    // The four may be of several groups: one after another, and what is not the group's own is done again.
    const first = this.#panel.first + 4 * four;
    for (const { group, from } of this.#groups(first, Math.min(first + 4, this.units))) {
      this.#holdRoles(group);
      const before = this.#where.slice(own, own + from - first);
      this.#placeFour(four, context);
      this.#where.set(before, own);
    }
  }

  #placeFour(four: number, context: number): void {
    const at = this.#at;
    const own = context * this.#stride + 4 * four;
    this.#kernel.exports.places(
      at.data + (context * this.#rows * this.#stride + 4 * four) * 4,
      this.#counts[context]!,
      this.#stride,
      at.valid + context * this.#rows,
      SIGNS[this.#sign],
      at.best + (context * this.#across + this.#panel.first + 4 * four) * 4,
      at.where + own * 4,
      at.exponents + own * 4,
    );
  }

  /** Packs an input row; the halves are a view that the next call overwrites. */
  pack(values: Float32Array): PackedRow {
    this.#scratch.set(values);
    const scale = this.#kernel.exports.halve(this.#at.scratch, this.#scratch.length, this.#at.half);
    return { halves: this.#half, scale };
  }

  /** One unit's activation at a position of a context at hand. */
  activation(unit: number, context: number, position: number): number {
    return this.#data[(context * this.#rows + position) * this.#stride + unit - this.#panel.first]!;
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
