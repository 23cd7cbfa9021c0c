import { SmallNumberReader, SmallNumberWriter } from '../base/small-numbers.ts';
import { PolysemeError } from '../errors.ts';
import { Growing } from './growing.ts';
import { Passages, sums } from './passages.ts';

// An index of passages by word, in pieces: a search fetches those of its words, and makes of them an index of the examples and
// features that have one (`somePassages`), which `findPassages` goes over as over the whole one.
//
// Slots are all examples, by unit, then by feature, then by rank; and after them all features, for their names and words.

/** Words that are next to each other in the vocabulary, and all places of each. */
export interface PackedPostings {
  /** As UTF-8 with a newline between. */
  readonly words: Uint8Array;
  /** How many places each has. */
  readonly counts: Uint32Array;
  /** As small numbers: of each place the steps from the slot of the one before; and twice where it is in its stretch, and one more at the peak. */
  readonly steps: Uint8Array;
  readonly offsets: Uint8Array;
}

/** What all searches need of an index beside the pieces of their words. */
export interface PostingsHead {
  readonly version: Uint32Array;
  /** Of each unit its features, and of each feature its examples. */
  readonly features: Uint32Array;
  readonly sizes: Uint8Array | Uint32Array;
  /** The first word of each piece. */
  readonly firsts: Uint8Array;
}

export const POSTINGS_VERSION = 1;
/** Bytes of a piece. */
const PIECE = 128 << 10;
/** Places that are collected at once. */
const COLLECTED = 8 << 20;

/** The pieces of an index in the order of their words. @param size bytes of each, about, unless a single word has more */
export function* postingsOf(passages: Passages, size = PIECE): Generator<PackedPostings> {
  const { vocabulary } = passages;
  const counts = countPlaces(passages);
  for (let from = 1; from < vocabulary.length; ) {
    let [to, total] = [from, 0];
    while (to < vocabulary.length && (to === from || total + counts[to]! <= COLLECTED))
      total += counts[to++]!;
    yield* piecesOf(vocabulary, counts, from, collect(passages, counts, from, to), size);
    from = to;
  }
}

export function postingsHead({ features, featureSize }: Passages, firsts: readonly string[]): PostingsHead {
  return {
    version: Uint32Array.of(POSTINGS_VERSION),
    features,
    sizes: featureSize.every((size) => size < 256) ? Uint8Array.from(featureSize) : featureSize,
    firsts: new TextEncoder().encode(firsts.join('\n')),
  };
}

/**
 * Refuses a head whose numbers do not fit each other: what is read of it goes over as many features and examples as it says.
 * @param examples of the study
 * @throws PolysemeError (damaged)
 */
export function checkPostings({ features, sizes }: PostingsHead, examples: number): void {
  const sum = (numbers: Uint8Array | Uint32Array) => (numbers as Uint32Array).reduce((a, b) => a + b, 0);
  if (sum(features) !== sizes.length || sum(sizes) !== examples) throw damaged();
}

function damaged(): PolysemeError {
  return new PolysemeError('the index that is searched is damaged', 'damaged');
}

/** The first word of each piece. */
export function firstWords({ firsts }: PostingsHead): readonly string[] {
  return firsts.length === 0 ? [] : new TextDecoder().decode(firsts).split('\n');
}

/** The pieces that hold some words, ascending. */
export function piecesWith(firsts: readonly string[], words: Iterable<string>): number[] {
  const pieces = new Set<number>();
  for (const word of words) {
    let [low, high] = [0, firsts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (firsts[middle]! <= word) low = middle + 1;
      else high = middle;
    }
    if (low > 0) pieces.add(low - 1);
  }
  return [...pieces].sort((a, b) => a - b);
}

/** An index of the examples and features that have one of some words, of these words alone. */
export function somePassages(
  { features, sizes }: Pick<PostingsHead, 'features' | 'sizes'>,
  pieces: readonly PackedPostings[],
  words: ReadonlySet<string>,
): Passages {
  const sizesOf = Uint32Array.from(sizes);
  const slotOf = sums(sizesOf);
  const examples = slotOf.at(-1)!;
  const found = readPlaces(pieces, words);
  const length = new Uint16Array(examples + sizesOf.length);
  const { slot, offset, word } = found;
  for (let i = 0; i < slot.length; i++) {
    length[slot[i]!] = Math.max(length[slot[i]!]!, (offset[i]! >> 1) + 1);
  }
  const start = sums(length);
  const text = new Uint32Array(start.at(-1)!);
  const peakStart = new Uint16Array(examples).fill(0xffff);
  const peakEnd = new Uint16Array(examples);
  for (let i = 0; i < slot.length; i++) {
    const [at, place] = [slot[i]!, offset[i]! >> 1];
    text[start[at]! + place] = word[i]!;
    if ((offset[i]! & 1) === 0) continue;
    peakStart[at] = Math.min(peakStart[at]!, place);
    peakEnd[at] = Math.max(peakEnd[at]!, place + 1);
  }
  const [first, before, peak, after, feature, member] = Array.from({ length: 6 }, () => new Growing());
  const counts = new Uint32Array(features.length);
  for (let unit = 0, id = 0; unit < features.length; unit++) {
    for (let own = 0; own < features[unit]!; own++, id++) {
      for (let at = slotOf[id]!; at < slotOf[id + 1]!; at++) {
        if (length[at] === 0) continue;
        // Without a word at the peak it does not matter where that is.
        const [from, to] = peakEnd[at] === 0 ? [0, 0] : [peakStart[at]!, peakEnd[at]!];
        first!.push(start[at]!);
        before!.push(from);
        peak!.push(to - from);
        after!.push(length[at]! - to);
        feature!.push(own);
        member!.push(at - slotOf[id]!);
        counts[unit]!++;
      }
    }
  }
  const packed = {
    vocabulary: new TextEncoder().encode(found.vocabulary.join('\n')),
    words: text,
    examples: counts,
    features,
    first: first!.taken(),
    before: before!.taken(),
    peak: peak!.taken(),
    after: after!.taken(),
    feature: feature!.taken(),
    name: length.subarray(examples),
  };
  return new Passages(packed, { sizes: sizesOf, member: member!.taken() });
}

/** The places of some words, which are numbered by their order; 0 is no word. */
function readPlaces(pieces: readonly PackedPostings[], wanted: ReadonlySet<string>) {
  const vocabulary = [''];
  const [slot, offset, word] = [new Growing(), new Growing(), new Growing()];
  for (const { words, counts, steps, offsets } of pieces) {
    const [step, where] = [new SmallNumberReader(steps), new SmallNumberReader(offsets)];
    // Each place takes a byte of either at least.
    const most = Math.min(steps.length, offsets.length);
    if (counts.reduce((a, b) => a + b, 0) > most) throw damaged();
    for (const [i, text] of new TextDecoder().decode(words).split('\n').entries()) {
      const isWanted = wanted.has(text);
      if (isWanted) vocabulary.push(text);
      let at = 0;
      for (let k = 0; k < counts[i]!; k++) {
        at += step.next();
        const place = where.next();
        if (!isWanted) continue;
        slot.push(at);
        offset.push(place);
        word.push(vocabulary.length - 1);
      }
    }
  }
  return { vocabulary, slot: slot.taken(), offset: offset.taken(), word: word.taken() };
}

/** Calls for every place of every word that an index has; ascending by slot. */
function eachPlace(passages: Passages, call: (word: number, slot: number, offset: number) => void): void {
  const { text, first, before, peak, after, exampleStart, featureStart, featureSize, feature, nameStart } =
    passages;
  let slot = 0;
  const next = new Uint32Array(featureSize.length);
  for (let unit = 0; unit + 1 < exampleStart.length; unit++) {
    const [from, to] = [exampleStart[unit]!, exampleStart[unit + 1]!];
    let start = 0;
    for (let own = featureStart[unit]!; own < featureStart[unit + 1]!; own++) {
      next[own] = start;
      start += featureSize[own]!;
    }
    const bySlot = new Uint32Array(to - from);
    for (let at = from; at < to; at++) bySlot[next[featureStart[unit]! + feature[at]!]!++] = at;
    for (const at of bySlot) {
      const peakEnd = before[at]! + peak[at]!;
      for (let k = 0; k < peakEnd + after[at]!; k++) {
        call(text[first[at]! + k]!, slot, 2 * k + Number(k >= before[at]! && k < peakEnd));
      }
      slot++;
    }
  }
  for (let own = 0; own < featureSize.length; own++, slot++) {
    const start = nameStart[own]!;
    for (let at = start; at < nameStart[own + 1]!; at++) call(text[at]!, slot, 2 * (at - start));
  }
}

function countPlaces(passages: Passages): Uint32Array {
  const counts = new Uint32Array(passages.vocabulary.length);
  eachPlace(passages, (word) => {
    counts[word]!++;
  });
  return counts;
}

interface Collected {
  /** Where the places of each word start, from the first one on. */
  readonly starts: Uint32Array;
  readonly slots: Uint32Array;
  readonly offsets: Uint32Array;
}

/** All places of the words `from` to `to`. */
function collect(passages: Passages, counts: Uint32Array, from: number, to: number): Collected {
  const starts = sums(counts.subarray(from, to));
  const next = starts.slice();
  const slots = new Uint32Array(starts.at(-1)!);
  const offsets = new Uint32Array(slots.length);
  eachPlace(passages, (word, slot, offset) => {
    if (word < from || word >= to) return;
    const at = next[word - from]!++;
    slots[at] = slot;
    offsets[at] = offset;
  });
  return { starts, slots, offsets };
}

function* piecesOf(
  vocabulary: readonly string[],
  counts: Uint32Array,
  first: number,
  { starts, slots, offsets }: Collected,
  size: number,
): Generator<PackedPostings> {
  const words = starts.length - 1;
  for (let from = 0; from < words; ) {
    const [steps, places] = [new SmallNumberWriter(), new SmallNumberWriter()];
    let to = from;
    do {
      let before = 0;
      for (let i = starts[to]!; i < starts[to + 1]!; i++) {
        steps.push(slots[i]! - before);
        places.push(offsets[i]!);
        before = slots[i]!;
      }
      to++;
      // A word of more bytes than a piece has is a piece by itself.
    } while (to < words && steps.length + places.length + 3 * counts[first + to]! <= size);
    yield {
      words: new TextEncoder().encode(vocabulary.slice(first + from, first + to).join('\n')),
      counts: counts.slice(first + from, first + to),
      steps: steps.taken(),
      offsets: places.taken(),
    };
    from = to;
  }
}
