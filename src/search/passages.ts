import { type PackedArray, unpack } from '../base/pack.ts';
import { PolysemeError } from '../errors.ts';

// What is searched: the words around the peaks of all examples, and the names and words of features. The text of a context
// lies there once, however many examples are in it: an example is a stretch of it. Everything follows from the rest of a
// study and is no part of its content.

/** An index of passages as it is stored. Units are by bank and index, examples by rank, features by id. */
export interface PackedPassages {
  readonly version: Uint32Array;
  /** The words that occur, ascending, as UTF-8 with a newline between; the first is '', which stands between texts. */
  readonly vocabulary: Uint8Array;
  /** One text after the other, as places in the vocabulary: of the contexts what lies around peaks, then of each feature what its name says, and its words. */
  readonly words: Uint16Array | Uint32Array;
  /** Of each unit, its examples and its features. */
  readonly examples: Uint32Array;
  readonly features: Uint32Array;
  /** Of each example, where its stretch begins, its words before the peak, at it, and after it, and its feature. */
  readonly first: Uint32Array;
  readonly before: Uint8Array;
  readonly peak: Uint8Array;
  readonly after: Uint8Array;
  readonly feature: Uint16Array | Uint32Array;
  /** Of each feature, how many words its name and its words have, with what stands between. */
  readonly name: Uint16Array;
}

export const PASSAGES_VERSION = 1;
/** Words to one side of a peak that are kept. */
export const MOST_WORDS = 255;

/** Stretches of the text in an order in which both their starts and their ends ascend. */
export interface Stretches {
  readonly start: Uint32Array;
  /** After the last word. */
  readonly end: Uint32Array;
  /** The words that count most, and where they end. */
  readonly peakStart: Uint32Array;
  readonly peakEnd: Uint32Array;
}

/** The index of a study's passages, ready to be searched (`findPassages`). */
export class Passages {
  readonly packed: PackedPassages;
  /** Ascending by code units. */
  readonly vocabulary: readonly string[];
  /** Of every unit, where its examples and features start among all; and where the last one's end. */
  readonly exampleStart: Uint32Array;
  readonly featureStart: Uint32Array;
  /** Examples of every feature. */
  readonly featureSize: Uint32Array;
  /** The stretches of all examples, and which of all features each is of. */
  readonly stretches: Stretches;
  readonly featureAt: Uint32Array;
  /** The name and the words of every feature. */
  readonly names: Stretches;
  /** Places of a word: `places` from `placeStart[word]` to `placeStart[word + 1]`. */
  readonly #placeStart: Uint32Array;
  readonly #places: Uint32Array;

  constructor(packed: PackedPassages) {
    this.packed = packed;
    this.vocabulary = new TextDecoder().decode(packed.vocabulary).split('\n');
    this.exampleStart = sums(packed.examples);
    this.featureStart = sums(packed.features);
    const of = featureOfAll(packed, this.exampleStart, this.featureStart);
    this.featureSize = new Uint32Array(packed.name.length);
    for (const feature of of) this.featureSize[feature]!++;
    const { first, before, peak, after } = packed;
    const length = Uint16Array.from(before, (count, i) => count + peak[i]! + after[i]!);
    const order = byStretch(first, length);
    this.featureAt = order.map((example) => of[example]!);
    const start = order.map((example) => first[example]!);
    const peakStart = start.map((at, i) => at + before[order[i]!]!);
    this.stretches = {
      start,
      end: start.map((at, i) => at + length[order[i]!]!),
      peakStart,
      peakEnd: peakStart.map((at, i) => at + peak[order[i]!]!),
    };
    const names = sums(packed.name, packed.words.length, 'end');
    const [nameStart, nameEnd] = [names.subarray(0, -1), names.subarray(1)];
    // Of a name all words are as good as those at a peak.
    this.names = { start: nameStart, end: nameEnd, peakStart: nameStart, peakEnd: nameEnd };
    this.#placeStart = new Uint32Array(this.vocabulary.length + 1);
    for (const word of packed.words) this.#placeStart[word + 1]!++;
    for (let word = 1; word < this.#placeStart.length; word++)
      this.#placeStart[word]! += this.#placeStart[word - 1]!;
    const next = this.#placeStart.slice();
    this.#places = new Uint32Array(packed.words.length);
    packed.words.forEach((word: number, place: number) => {
      this.#places[next[word]!++] = place;
    });
  }

  /** The place of a word in the vocabulary, or −1. */
  word(text: string): number {
    let [low, high] = [0, this.vocabulary.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.vocabulary[middle]! < text) low = middle + 1;
      else high = middle;
    }
    return this.vocabulary[low] === text ? low : -1;
  }

  /** Where a word stands in the text, ascending. */
  places(word: number): Uint32Array {
    return this.#places.subarray(this.#placeStart[word], this.#placeStart[word + 1]);
  }
}

/** A stored index, checked; null where it is of another version. @param what as an error names it */
export function unpackPassages(bytes: Uint8Array, what: string): PackedPassages | null {
  const found = unpack(bytes, what) as unknown as PackedPassages;
  if (found.version?.[0] !== PASSAGES_VERSION) return null;
  const refuse = (why: string): never => {
    throw new PolysemeError(`${what} is damaged: ${why}`, 'damaged');
  };
  const types = {
    vocabulary: [Uint8Array],
    words: [Uint16Array, Uint32Array],
    examples: [Uint32Array],
    features: [Uint32Array],
    first: [Uint32Array],
    before: [Uint8Array],
    peak: [Uint8Array],
    after: [Uint8Array],
    feature: [Uint16Array, Uint32Array],
    name: [Uint16Array],
  } satisfies Record<Exclude<keyof PackedPassages, 'version'>, unknown>;
  for (const [name, allowed] of Object.entries(types)) {
    const array = found[name as keyof PackedPassages] as PackedArray | undefined;
    if (!allowed.some((Type) => array instanceof Type)) refuse(`its ${name}`);
  }
  const { vocabulary, words, examples, features, first, before, peak, after, feature, name } = found;
  if (examples.length !== features.length) refuse(`${examples.length} units and ${features.length}`);
  const total = sum(examples);
  for (const array of [first, before, peak, after, feature]) {
    if (array.length !== total) refuse(`${array.length} stretches of ${total} examples`);
  }
  if (name.length !== sum(features)) refuse(`${name.length} names of ${sum(features)} features`);
  let known = 1;
  for (const byte of vocabulary) if (byte === 10) known++;
  if (words.some((word: number) => word >= known)) refuse('a word that is not in its vocabulary');
  const shown = words.length - sum(name);
  if (shown < 0) refuse('its names are longer than its text');
  if (first.some((at, i) => at + before[i]! + peak[i]! + after[i]! > shown))
    refuse('a stretch ends after the text');
  let example = 0;
  examples.forEach((count, unit) => {
    for (const end = example + count; example < end; example++) {
      if (feature[example]! >= features[unit]!) refuse(`unit ${unit} has no feature ${feature[example]}`);
    }
  });
  return found;
}

/** Which of all features each of all examples is of. */
function featureOfAll(
  { feature }: PackedPassages,
  exampleStart: Uint32Array,
  featureStart: Uint32Array,
): Uint32Array {
  const of = new Uint32Array(feature.length);
  for (let unit = 0; unit + 1 < exampleStart.length; unit++) {
    const own = featureStart[unit]!;
    for (let i = exampleStart[unit]!; i < exampleStart[unit + 1]!; i++) of[i] = own + feature[i]!;
  }
  return of;
}

/** Examples by the start of their stretch, then by its length, then as they were. */
function byStretch(first: Uint32Array, length: Uint16Array): Uint32Array {
  let order: Uint32Array<ArrayBuffer> = Uint32Array.from(first.keys());
  order = byDigit(order, (i) => length[i]!);
  order = byDigit(order, (i) => first[i]! & 0xffff);
  return byDigit(order, (i) => first[i]! >>> 16);
}

/** A stable counting sort by a number of 16 bits. */
function byDigit(order: Uint32Array, digit: (i: number) => number): Uint32Array<ArrayBuffer> {
  const next = new Uint32Array(65_537);
  for (const i of order) next[digit(i) + 1]!++;
  for (let d = 1; d < next.length; d++) next[d]! += next[d - 1]!;
  const sorted = new Uint32Array(order.length);
  for (const i of order) sorted[next[digit(i)]!++] = i;
  return sorted;
}

/** Where each of some runs starts, and where the last one ends. @param at where the first starts, or the last ends */
function sums(counts: ArrayLike<number>, at = 0, which: 'start' | 'end' = 'start'): Uint32Array {
  const starts = new Uint32Array(counts.length + 1);
  starts[0] = which === 'start' ? at : at - sum(counts);
  for (let i = 0; i < counts.length; i++) starts[i + 1] = starts[i]! + counts[i]!;
  return starts;
}

function sum(counts: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i]!;
  return total;
}
