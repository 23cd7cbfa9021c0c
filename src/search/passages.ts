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

/** What an index is made ready from; one of some examples has wider numbers than a stored one. */
export interface IndexedPassages {
  readonly vocabulary: Uint8Array;
  readonly words: Uint16Array | Uint32Array;
  readonly examples: Uint32Array;
  readonly features: Uint32Array;
  readonly first: Uint32Array;
  readonly before: Uint8Array | Uint32Array;
  readonly peak: Uint8Array | Uint32Array;
  readonly after: Uint8Array | Uint32Array;
  readonly feature: Uint16Array | Uint32Array;
  readonly name: Uint16Array;
}

/** The index of a study's passages, ready to be searched (`findPassages`). */
export class Passages {
  /** Ascending by code units. */
  readonly vocabulary: readonly string[];
  /** All words, one after the other; from `shown` on those of names. */
  readonly text: Uint16Array | Uint32Array;
  readonly shown: number;
  /** Of every example: see `PackedPassages`. */
  readonly first: Uint32Array;
  readonly before: Uint8Array | Uint32Array;
  readonly peak: Uint8Array | Uint32Array;
  readonly after: Uint8Array | Uint32Array;
  readonly feature: Uint16Array | Uint32Array;
  /** Of every unit, where its examples and features start among all; and where the last one's end. */
  readonly exampleStart: Uint32Array;
  readonly featureStart: Uint32Array;
  /** Features of every unit; and examples of every unit and of every feature, where the index has only some of them too. */
  readonly features: Uint32Array;
  readonly total: Uint32Array;
  readonly featureSize: Uint32Array;
  /** Where the name and the words of every feature start, and where the last one's end. */
  readonly nameStart: Uint32Array;
  /** Places of a word: `places` from `placeStart[word]` to `placeStart[word + 1]`. */
  readonly #placeStart: Uint32Array;
  readonly #places: Uint32Array;
  readonly #member: Uint32Array | undefined;

  /** @param some where the index has not all examples: those of every feature, and which of these each of the index is */
  constructor(packed: IndexedPassages, some?: { readonly sizes: Uint32Array; readonly member: Uint32Array }) {
    this.vocabulary = new TextDecoder().decode(packed.vocabulary).split('\n');
    const { words, first, before, peak, after, feature } = packed;
    this.text = words;
    this.shown = words.length - sum(packed.name);
    [this.first, this.before, this.peak, this.after, this.feature] = [first, before, peak, after, feature];
    this.exampleStart = sums(packed.examples);
    this.featureStart = sums(packed.features);
    this.features = packed.features;
    this.featureSize = some?.sizes ?? this.#sizes();
    this.total = some === undefined ? packed.examples : this.#totals();
    this.#member = some?.member;
    this.nameStart = sums(packed.name, this.shown);
    this.#placeStart = new Uint32Array(this.vocabulary.length + 1);
    for (let place = 0; place < words.length; place++) this.#placeStart[words[place]! + 1]!++;
    for (let word = 1; word < this.#placeStart.length; word++)
      this.#placeStart[word]! += this.#placeStart[word - 1]!;
    const next = this.#placeStart.slice();
    this.#places = new Uint32Array(words.length);
    for (let place = 0; place < words.length; place++) this.#places[next[words[place]!]!++] = place;
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

  /** Which of its feature's examples, by rank, an example of a unit is. */
  memberAt(example: number, unit: number): number {
    if (this.#member !== undefined) return this.#member[example]!;
    let before = 0;
    for (let at = this.exampleStart[unit]!; at < example; at++) {
      if (this.feature[at] === this.feature[example]) before++;
    }
    return before;
  }

  #sizes(): Uint32Array {
    const { exampleStart, featureStart, feature } = this;
    const sizes = new Uint32Array(featureStart.at(-1)!);
    for (let unit = 0; unit + 1 < exampleStart.length; unit++) {
      const own = featureStart[unit]!;
      for (let at = exampleStart[unit]!; at < exampleStart[unit + 1]!; at++) sizes[own + feature[at]!]!++;
    }
    return sizes;
  }

  #totals(): Uint32Array {
    const { featureStart, featureSize } = this;
    return Uint32Array.from(this.features, (_, unit) =>
      sum(featureSize.subarray(featureStart[unit], featureStart[unit + 1])),
    );
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

/** Where each of some runs starts, and where the last one ends. @param at where the first starts */
export function sums(counts: ArrayLike<number>, at = 0): Uint32Array {
  const starts = new Uint32Array(counts.length + 1);
  starts[0] = at;
  for (let i = 0; i < counts.length; i++) starts[i + 1] = starts[i]! + counts[i]!;
  return starts;
}

function sum(counts: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i]!;
  return total;
}
