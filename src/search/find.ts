import { Growing } from './growing.ts';
import type { Passages, Stretches } from './passages.ts';
import type { SearchQuery, Term } from './query.ts';

/** What matches of a word are worth, by how: it is the word, its beginning, or within it. */
const WHOLE = 1;
const BEGINNING = 1 / 2;
const WITHIN = 1 / 4;
/** What a match beside the peak is worth of one at the peak. */
const BESIDE = 1 / 2;
/** What a name or words of a feature that have all terms are worth, where no passage has. */
const NAME = 1 / 100;

/** Where a term stands in the text. */
interface Found {
  /** Ascending places of its first word. */
  readonly places: Uint32Array;
  /** Its words. */
  readonly length: number;
  /** What a match of a word is worth, by its place in the vocabulary; null where all are whole words. */
  readonly worth: Float32Array | null;
}

/** Units that a query finds, and how their examples and features match. */
export interface FoundUnits {
  /** By bank and index, the best match first. */
  readonly units: Uint32Array;
  /** Of every feature of the study: its examples that match, and what it is worth in the order. */
  readonly examples: Uint32Array;
  readonly score: Float32Array;
  /** 1 for features without such examples whose name says so (`in dates`), or whose words do. */
  readonly named: Uint8Array;
}

/** A feature that matches. */
export interface FoundFeature {
  readonly feature: number;
  /** Its examples, and those of them that match. */
  readonly size: number;
  readonly examples: number;
  /** Whether it has no such examples, and is found by its name or its words. */
  readonly named: boolean;
  readonly score: number;
}

/** One example that matches. */
interface FoundExample {
  /** Its rank in the unit. */
  readonly example: number;
  readonly feature: number;
  /** 1: whole words at the peak. */
  readonly exactness: number;
}

/**
 * Finds the units with passages that hold all terms of a query: in the words that the peak token and the five to each
 * side of it belong to. A feature is worth the share that its matching examples are of the unit's × its exactness: the
 * mean over its examples of 1 for whole words at the peak, half of it beside the peak, half for the beginning of a word
 * and a quarter for what is within one, 0 without a match. A feature without such examples that is found by its name or
 * its words is worth a hundredth of its share. A unit is worth what its best feature is.
 * @param parts whether words that contain a term match it too
 */
export function findPassages(passages: Passages, { terms }: SearchQuery, parts = false): FoundUnits {
  const { packed, featureAt, featureSize, featureStart, stretches } = passages;
  const features = featureSize.length;
  const examples = new Uint32Array(features);
  const exactness = new Float32Array(features);
  const score = new Float32Array(features);
  const named = new Uint8Array(features);
  const found = findTerms(passages, terms, parts);
  eachMatch(packed.words, found, stretches, (at, exact) => {
    const feature = featureAt[at]!;
    examples[feature]!++;
    exactness[feature]! += exact;
  });
  eachMatch(packed.words, found, passages.names, (feature, exact) => {
    if (examples[feature]! > 0) return;
    named[feature] = 1;
    score[feature] = NAME * exact;
  });
  const best = new Float32Array(featureStart.length - 1);
  const units: number[] = [];
  for (let unit = 0; unit < best.length; unit++) {
    const [from, to] = [featureStart[unit]!, featureStart[unit + 1]!];
    const total = Math.max(1, packed.examples[unit]!);
    let isFound = false;
    for (let feature = from; feature < to; feature++) {
      if (examples[feature] === 0 && named[feature] === 0) continue;
      isFound = true;
      const size = Math.max(1, featureSize[feature]!);
      score[feature] =
        examples[feature] === 0
          ? (size / total) * score[feature]!
          : (examples[feature]! / total) * (exactness[feature]! / size);
      best[unit] = Math.max(best[unit]!, score[feature]!);
    }
    if (isFound) units.push(unit);
  }
  units.sort((a, b) => best[b]! - best[a]! || a - b);
  return { units: Uint32Array.from(units), examples, score, named };
}

/** The features of one unit that match, the best first. */
export function featuresFound(
  { featureStart, featureSize }: Passages,
  { examples, score, named }: FoundUnits,
  unit: number,
): FoundFeature[] {
  const features: FoundFeature[] = [];
  const from = featureStart[unit]!;
  for (let at = from; at < featureStart[unit + 1]!; at++) {
    if (examples[at] === 0 && named[at] === 0) continue;
    features.push({
      feature: at - from,
      size: featureSize[at]!,
      examples: examples[at]!,
      named: named[at] === 1,
      score: score[at]!,
    });
  }
  return features.sort((a, b) => b.score - a.score || a.feature - b.feature);
}

/** The example of a feature that is shown: the one that matches best, of equals the strongest; without one its strongest. */
export function bestExample(passages: Passages, terms: FoundTerms, unit: number, feature: number): number {
  const [best] = examplesFound(passages, terms, unit)
    .filter((one) => one.feature === feature)
    .sort((a, b) => b.exactness - a.exactness || a.example - b.example);
  const [from, to] = [passages.exampleStart[unit]!, passages.exampleStart[unit + 1]!];
  return best?.example ?? passages.packed.feature.subarray(from, to).indexOf(feature);
}

/** The examples of one unit that match, by rank. */
function examplesFound({ packed, exampleStart }: Passages, terms: FoundTerms, unit: number): FoundExample[] {
  const found: FoundExample[] = [];
  const [from, to] = [exampleStart[unit]!, exampleStart[unit + 1]!];
  for (let at = from; at < to; at++) {
    const start = packed.first[at]!;
    const peak = start + packed.before[at]!;
    const peakEnd = peak + packed.peak[at]!;
    const firsts = Int32Array.from(terms.found, ({ places }) => lowerBound(places, start));
    const exactness = exactnessOf(
      packed.words,
      terms.found,
      firsts,
      peakEnd + packed.after[at]!,
      peak,
      peakEnd,
    );
    if (exactness > 0) found.push({ example: at - from, feature: packed.feature[at]!, exactness });
  }
  return found;
}

/** The terms of a query with the places where they stand, for `bestExample`. */
export class FoundTerms {
  readonly found: readonly Found[];

  constructor(passages: Passages, { terms }: SearchQuery, parts = false) {
    this.found = findTerms(passages, terms, parts);
  }
}

function findTerms(passages: Passages, terms: readonly Term[], parts: boolean): Found[] {
  const found = terms.map((term) =>
    parts && !term.quoted && term.words.length === 1
      ? findParts(passages, term.words[0]!)
      : findPhrase(passages, term.words),
  );
  // The rarest first: fewer stretches are left to look at.
  return found.sort((a, b) => a.places.length - b.places.length);
}

function findPhrase(passages: Passages, words: readonly string[]): Found {
  const ids = words.map((word) => passages.word(word));
  const { length } = ids;
  const missing: Found = { places: new Uint32Array(0), length, worth: null };
  if (ids.includes(-1)) return missing;
  const places = ids.map((id) => passages.places(id));
  let rarest = 0;
  for (let i = 1; i < length; i++) if (places[i]!.length < places[rarest]!.length) rarest = i;
  if (length === 1) return { places: places[0]!, length, worth: null };
  const text = passages.packed.words;
  const starts = places[rarest]!.filter((place) => ids.every((id, i) => text[place - rarest + i] === id));
  return { places: starts.map((place) => place - rarest), length, worth: null };
}

function findParts({ vocabulary, packed }: Passages, part: string): Found {
  const worth = new Float32Array(vocabulary.length);
  let some = false;
  for (let word = 0; word < vocabulary.length; word++) {
    const at = vocabulary[word]!.indexOf(part);
    if (at < 0) continue;
    worth[word] = at > 0 ? WITHIN : vocabulary[word]!.length === part.length ? WHOLE : BEGINNING;
    some = true;
  }
  const places = new Growing();
  const { words } = packed;
  if (some) for (let at = 0; at < words.length; at++) if (worth[words[at]!]! > 0) places.push(at);
  return { places: places.taken(), length: 1, worth };
}

/** Goes over the stretches that hold all terms. */
function eachMatch(
  words: Uint16Array | Uint32Array,
  found: readonly Found[],
  { start, end, peakStart, peakEnd }: Stretches,
  add: (stretch: number, exactness: number) => void,
): void {
  const [rarest] = found;
  if (rarest === undefined || found.some(({ places }) => places.length === 0)) return;
  const firsts = new Int32Array(found.length);
  const { places, length } = rarest;
  let place = 0;
  for (let at = 0; at < start.length; ) {
    place = advance(places, place, start[at]!);
    if (place === places.length) return;
    const needed = places[place]! + length;
    if (needed > end[at]!) {
      at = Math.max(at + 1, advance(end, at, needed));
      continue;
    }
    firsts[0] = place;
    for (let i = 1; i < found.length; i++) firsts[i] = advance(found[i]!.places, firsts[i]!, start[at]!);
    const exactness = exactnessOf(words, found, firsts, end[at]!, peakStart[at]!, peakEnd[at]!);
    if (exactness > 0) add(at, exactness);
    at++;
  }
}

/** How exactly a stretch holds all terms; 0 where it does not. @param firsts of each term, its first place in the stretch or after */
function exactnessOf(
  words: Uint16Array | Uint32Array,
  found: readonly Found[],
  firsts: Int32Array,
  end: number,
  peak: number,
  peakEnd: number,
): number {
  let least = found.length > 0 ? WHOLE : 0;
  let atPeak = false;
  for (let i = 0; i < found.length; i++) {
    const { places, length, worth } = found[i]!;
    const last = end - length;
    let best = 0;
    let j = firsts[i]!;
    if (worth === null) {
      // Nothing is better than a whole word at the peak: the places up to the peak's end are enough.
      if (j < places.length && places[j]! <= last) best = WHOLE;
      for (; !atPeak && j < places.length; j++) {
        const place = places[j]!;
        if (place > last || place >= peakEnd) break;
        atPeak = place + length > peak;
      }
    } else {
      for (; j < places.length; j++) {
        const place = places[j]!;
        if (place > last) break;
        const value = worth[words[place]!]!;
        if (value > best) best = value;
        if (place < peakEnd && place >= peak) atPeak = true;
      }
    }
    if (best < least) least = best;
    if (least === 0) return 0;
  }
  return atPeak ? least : least * BESIDE;
}

/** The first index from `from` on, of ascending values, that holds `value` or more: by steps that double. */
function advance(values: Uint32Array, from: number, value: number): number {
  if (from >= values.length || values[from]! >= value) return from;
  let step = 1;
  while (from + step < values.length && values[from + step]! < value) step *= 2;
  let low = from + (step >> 1) + 1;
  let high = Math.min(from + step, values.length);
  if (step === 1) low = from + 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function lowerBound(values: Uint32Array, value: number): number {
  return advance(values, 0, value);
}
