import { hashFraction, mix32 } from '../base/hash.ts';
import { sharedBytes } from '../base/shared-bytes.ts';
import type { Sign } from './scan.ts';

/** How a unit's examples are chosen among the contexts that activate it. */
export interface SelectionOptions {
  /**
   * `top`: the largest activations. `fraction`: all that reach `fraction` of the unit's maximum, thinned at random to
   * the limit (the paper's). `quantiles`: as many from each tenth of (0, maximum]. `random`: uniformly.
   */
  readonly select: 'top' | 'fraction' | 'quantiles' | 'random';
  /** The most examples that a unit keeps. */
  readonly examples: number;
  readonly fraction: number;
  readonly sign: Sign;
  /** Take every activating position of a context, not only the unit's largest. */
  readonly everyPosition: boolean;
  /**
   * Whether a unit may have examples of the same text: equal token ids over the 32 positions up to the peak. Without it
   * the first of them by priority is taken, and the choice is among what is left.
   */
  readonly keepDuplicates: boolean;
  readonly seed: number;
  /**
   * `random`: so many draws at once. Contexts are dealt to so many parts of the text (`partOf`, the same for
   * all units and banks), and each part gives a draw of its own of `examples` ÷ `parts` examples; default 1.
   */
  readonly parts?: number;
}

/** Groups of a unit's examples, each with its own share of the slots. */
function groupsOf({ select, parts = 1 }: SelectionOptions): number {
  return select === 'quantiles' ? BANDS : select === 'random' ? parts : 1;
}

/** Whether the strategy must know each unit's maximum before it can choose. */
export function needsMaxima({ select }: SelectionOptions): boolean {
  return select === 'fraction' || select === 'quantiles';
}

const BANDS = 10;

/**
 * The part of the text that a context belongs to. Contexts are dealt like cards: of every `parts` consecutive ones each
 * part gets one, in an order that the seed decides, so that all parts have as many contexts, give or take one.
 */
export function partOf(context: number, parts: number, seed: number): number {
  const salt = mix32(seed);
  const first = context - (context % parts);
  const place = (c: number): number => hashFraction(salt, c, parts, 0);
  let part = 0;
  for (let c = first; c < first + parts; c++) {
    const before = place(c) - place(context) || c - context;
    if (before < 0) part++;
  }
  return part;
}

/** The chosen examples of every unit of a bank: slot s of unit u is entry u·capacity + s of each array. */
export interface Chosen {
  readonly capacity: number;
  /** Slots in use, by unit and group (units × groups). */
  readonly counts: Uint32Array;
  readonly score: Float32Array;
  readonly context: Uint32Array;
  readonly position: Uint32Array;
  /** What stands for each one's text; null where duplicates are kept. */
  readonly key: Float64Array | null;
}

/**
 * Chooses examples one candidate at a time, keeping for every group of a unit the candidates of highest priority: the
 * score itself (`top`), or a seeded hash of unit, context and position. Equal priorities keep the earlier one, so that
 * what is kept does not depend on the order in which candidates come.
 *
 * Of candidates of the same text one is kept. `top` and `random` keep the one of highest priority: a text that is given
 * up can only come back by a candidate that goes before all that were. `fraction` and `quantiles` keep the strongest,
 * which may come at any time: there the hash is of unit and text, the same for all of one text. A text that a unit has
 * in two bands of `quantiles` stays in the upper one (`rankedSlots`).
 */
export class Selection implements Chosen {
  readonly capacity: number;
  readonly counts: Uint32Array;
  readonly score: Float32Array;
  readonly context: Uint32Array;
  readonly position: Uint32Array;
  /** A score must exceed this to be worth an offer. */
  readonly floor: Float32Array;
  /** Context of the example that the last kept offer replaced, or -1. */
  givenUp = -1;
  readonly #options: SelectionOptions;
  readonly #groups: number;
  readonly #salt: number;
  readonly #priority: Float64Array;
  /** Per group that is full, its slots as a binary heap, the next to be given up on top. */
  readonly #heap: Uint32Array;
  readonly key: Float64Array | null;
  #maxima: Float32Array | null = null;
  /** The last context that was dealt to a part. */
  #dealt = { context: -1, part: 0 };

  constructor(units: number, options: SelectionOptions, bank: string) {
    this.#options = options;
    this.capacity = options.examples;
    this.#groups = groupsOf(options);
    this.#salt = selectionSalt(bank, options.seed);
    const slots = units * this.capacity;
    this.counts = shared(Uint32Array, units * this.#groups);
    this.score = shared(Float32Array, slots);
    this.context = shared(Uint32Array, slots);
    this.position = shared(Uint32Array, slots);
    this.floor = new Float32Array(units);
    this.#priority = new Float64Array(slots);
    this.#heap = new Uint32Array(slots);
    this.key = options.keepDuplicates ? null : shared(Float64Array, slots);
  }

  /** Gives the maxima of each unit's score, which `fraction` and `quantiles` need before any offer. */
  setMaxima(maxima: Float32Array): void {
    this.#maxima = maxima;
    if (this.#options.select !== 'fraction') return;
    for (let u = 0; u < this.floor.length; u++) {
      this.floor[u] = Math.max(0, maxima[u]! * this.#options.fraction * (1 - 1e-6));
    }
  }

  /**
   * @param key stands for the text up to the position (see suffixKeys); unused where duplicates are kept
   * @param isNew whether no example of the unit can have that text (see SeenTexts)
   * @returns the slot (unit·capacity + s) that the candidate takes, or -1 when it is not kept
   */
  offer(unit: number, score: number, context: number, position: number, key: number, isNew = false): number {
    const { select, fraction } = this.#options;
    let group = 0;
    if (select === 'fraction') {
      if (score < fraction * this.#maxima![unit]!) return -1;
    } else if (select === 'quantiles') {
      group = Math.min(BANDS - 1, Math.max(0, Math.ceil((score / this.#maxima![unit]!) * BANDS) - 1));
    } else if (this.#groups > 1) {
      group = this.#partOf(context);
    }
    const at = unit * this.#groups + group;
    const first = this.#firstSlot(group);
    const room = this.#firstSlot(group + 1) - first;
    if (room === 0) return -1;
    const priority = this.#priorityOf(unit, score, context, position, key);
    const base = unit * this.capacity + first;
    const count = this.counts[at]!;
    let slot = isNew || this.key === null ? -1 : this.key.subarray(base, base + count).indexOf(key);
    if (slot >= 0) {
      slot += base;
      const better =
        priority - this.#priority[slot]! ||
        score - this.score[slot]! ||
        this.context[slot]! - context ||
        this.position[slot]! - position;
      if (better <= 0) return -1;
      this.givenUp = this.context[slot]!;
      this.#set(slot, score, context, position, priority);
      if (count === room) this.#siftDown(base, count, this.#heap.subarray(base, base + count).indexOf(slot));
    } else if (count < room) {
      slot = base + count;
      this.givenUp = -1;
      this.counts[at] = count + 1;
      this.#set(slot, score, context, position, priority);
      if (count + 1 === room) this.#makeHeap(base, room);
    } else {
      slot = this.#heap[base]!;
      const before =
        priority - this.#priority[slot]! || this.context[slot]! - context || this.position[slot]! - position;
      if (before <= 0) return -1;
      this.givenUp = this.context[slot]!;
      this.#set(slot, score, context, position, priority);
      this.#siftDown(base, count, 0);
    }
    if (this.key !== null) this.key[slot] = key;
    if (select === 'top' && this.counts[at] === room) this.floor[unit] = this.#priority[this.#heap[base]!]!;
    return slot;
  }

  /** All state as plain arrays, for a checkpoint; `restore` puts it back. */
  state(): Record<string, Uint32Array | Float32Array | Float64Array> {
    return {
      counts: this.counts,
      score: this.score,
      context: this.context,
      position: this.position,
      floor: this.floor,
      priority: this.#priority,
      ...(this.key && { key: this.key }),
    };
  }

  restore(saved: Record<string, ArrayLike<number>>): void {
    for (const [name, array] of Object.entries(this.state())) array.set(saved[name]!);
    for (let at = 0; at < this.counts.length; at++) {
      const group = at % this.#groups;
      const first = this.#firstSlot(group);
      const room = this.#firstSlot(group + 1) - first;
      if (room > 0 && this.counts[at] === room)
        this.#makeHeap(Math.floor(at / this.#groups) * this.capacity + first, room);
    }
  }

  /** The texts of all examples. */
  *texts(): Generator<number> {
    for (let at = 0; this.key !== null && at < this.counts.length; at++) {
      const base = Math.floor(at / this.#groups) * this.capacity + this.#firstSlot(at % this.#groups);
      yield* this.key.subarray(base, base + this.counts[at]!);
    }
  }

  #priorityOf(unit: number, score: number, context: number, position: number, key: number): number {
    const { select } = this.#options;
    if (select === 'top') return score;
    return this.key === null || select === 'random'
      ? hashFraction(this.#salt, unit, context, position)
      : hashFraction(this.#salt, unit, Math.floor(key / 2 ** 21), key % 2 ** 21);
  }

  /** As `partOf`, computed once for all candidates of a context. */
  #partOf(context: number): number {
    if (context !== this.#dealt.context) {
      this.#dealt = { context, part: partOf(context, this.#groups, this.#options.seed) };
    }
    return this.#dealt.part;
  }

  /** First slot of a group within a unit; the bands that get one more are the upper ones. */
  #firstSlot(group: number): number {
    return Math.floor((group * this.capacity) / this.#groups);
  }

  #set(slot: number, score: number, context: number, position: number, priority: number): void {
    this.score[slot] = score;
    this.context[slot] = context;
    this.position[slot] = position;
    this.#priority[slot] = priority;
  }

  /** Whether slot a is given up before slot b. */
  #before(a: number, b: number): boolean {
    const difference = this.#priority[a]! - this.#priority[b]!;
    if (difference !== 0) return difference < 0;
    const later = this.context[a]! - this.context[b]!;
    return later !== 0 ? later > 0 : this.position[a]! > this.position[b]!;
  }

  /** Makes a heap of the slots of a group that has become full. */
  #makeHeap(base: number, count: number): void {
    for (let i = 0; i < count; i++) this.#heap[base + i] = base + i;
    for (let i = (count >> 1) - 1; i >= 0; i--) this.#siftDown(base, count, i);
  }

  #siftDown(base: number, count: number, from: number): void {
    const heap = this.#heap;
    const slot = heap[base + from]!;
    let i = from;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= count) break;
      if (child + 1 < count && this.#before(heap[base + child + 1]!, heap[base + child]!)) child++;
      if (!this.#before(heap[base + child]!, slot)) break;
      heap[base + i] = heap[base + child]!;
      i = child;
    }
    heap[base + i] = slot;
  }
}

/** Slots in use of one unit in one of its groups, by context and position. */
export function groupSlots(
  { capacity, counts, score, context, position }: Chosen,
  unit: number,
  group: number,
) {
  const groups = (counts.length * capacity) / score.length;
  const first = unit * capacity + Math.floor((group * capacity) / groups);
  const slots = Uint32Array.from({ length: counts[unit * groups + group]! }, (_, i) => first + i);
  return slots.sort((a, b) => context[a]! - context[b]! || position[a]! - position[b]!);
}

/** Examples of one unit. */
export function examplesOf({ capacity, counts, score }: Chosen, unit: number): number {
  const groups = (counts.length * capacity) / score.length;
  let count = 0;
  for (let group = 0; group < groups; group++) count += counts[unit * groups + group]!;
  return count;
}

/** Slots in use of one unit, best first: larger score, then lower context, then lower position. */
export function rankedSlots(chosen: Chosen, unit: number): Uint32Array {
  const groups = (chosen.counts.length * chosen.capacity) / chosen.score.length;
  const slots: number[] = [];
  for (let group = 0; group < groups; group++) {
    const first = unit * chosen.capacity + Math.floor((group * chosen.capacity) / groups);
    for (let i = 0; i < chosen.counts[unit * groups + group]!; i++) slots.push(first + i);
  }
  const { score, context, position, key } = chosen;
  slots.sort((a, b) => score[b]! - score[a]! || context[a]! - context[b]! || position[a]! - position[b]!);
  if (key === null || groups === 1) return Uint32Array.from(slots);
  const seen = new Set<number>();
  return Uint32Array.from(slots.filter((slot) => !seen.has(key[slot]!) && seen.add(key[slot]!)));
}

function shared<T>(Type: { new (buffer: ArrayBufferLike): T; BYTES_PER_ELEMENT: number }, length: number): T {
  return new Type(sharedBytes(length * Type.BYTES_PER_ELEMENT));
}

/** What the hashes of a bank's candidates begin with. */
export function selectionSalt(text: string, seed: number): number {
  let hash = mix32(seed);
  for (let i = 0; i < text.length; i++) hash = mix32(hash ^ text.charCodeAt(i));
  return hash;
}
