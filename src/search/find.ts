import { EXACTNESS, type Matches, matchTerms, textLevel, WHOLE } from './match.ts';
import type { Passages } from './passages.ts';
import type { SearchQuery } from './query.ts';

/** What a name or words of a feature that have all terms are worth, where no passage has. */
const NAME = 1 / 100;
/** A unit with fewer examples counts as one with so many: one of two is no sign that it is about the words. */
const LEAST_EXAMPLES = 10;
/** More than the number of units. */
const UNITS = 2 ** 22;
/** 1 in single precision. */
const ONE_BITS = new Uint32Array(Float32Array.of(1).buffer)[0]!;

/** What is said about a unit, or one of its features, outside the index: a note, or a name that a language model gave. */
export interface Said {
  /** By bank and index. */
  readonly unit: number;
  readonly feature: number | null;
  readonly text: string;
}

/** Units that a query finds. */
export interface FoundUnits {
  /** By bank and index, the best match first. */
  readonly units: Uint32Array;
  /** How their examples and features match. */
  readonly matches: Matches;
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

/**
 * Finds the units with passages that hold all terms of a query: in the words that the peak token and the five to each
 * side of it belong to. A feature is worth the share that its matching examples are of the unit's × its exactness: the
 * mean over its examples of 1 for whole words at the peak, half of it beside the peak, half for the beginning of a word
 * and a quarter for what is within one, 0 without a match. A feature without such examples that is found by its name or
 * its words, or by what is said about it, is worth a hundredth of its share. Shares are of ten examples at least. A unit is
 * worth what its best feature is; one that something is said about, a hundredth at least.
 * @param parts whether words that contain a term match it too
 */
export function findPassages(
  passages: Passages,
  { terms }: SearchQuery,
  parts = false,
  said: readonly Said[] = [],
): FoundUnits {
  const { featureStart, total } = passages;
  const matches = matchTerms(passages, terms, parts);
  const ofUnits = new Map<number, number>();
  for (const { unit, feature: about, text } of said) {
    const level = textLevel(text, terms, parts);
    if (about === null) ofUnits.set(unit, Math.max(level, ofUnits.get(unit) ?? 0));
    else {
      const own = featureStart[unit]! + about;
      if (own < featureStart[unit + 1]!) matches.names[own] = Math.max(level, matches.names[own]!);
    }
  }
  const counted = new UnitMatches(
    passages,
    matches,
    passages.features.reduce((a, b) => Math.max(a, b), 0),
  );
  const units = new Uint32Array(total.length);
  const worths = new Float32Array(total.length);
  let count = 0;
  for (let unit = 0; unit < total.length; unit++) {
    const note = ofUnits.size === 0 ? 0 : NAME * ((ofUnits.get(unit) ?? 0) / WHOLE);
    const worth = Math.max(note, counted.of(unit));
    if (worth === 0) continue;
    units[count] = unit;
    worths[count++] = worth;
  }
  return { units: byWorth(units.subarray(0, count), worths.subarray(0, count)), matches };
}

/** The features of one unit that match, the best first. */
export function featuresFound(passages: Passages, { matches }: FoundUnits, unit: number): FoundFeature[] {
  const { featureStart, featureSize } = passages;
  const counted = new UnitMatches(passages, matches, passages.features[unit]!);
  counted.of(unit);
  const features: FoundFeature[] = [];
  const from = featureStart[unit]!;
  for (let at = from; at < featureStart[unit + 1]!; at++) {
    const examples = counted.examples[at - from]!;
    if (examples === 0 && matches.names[at] === 0) continue;
    features.push({
      feature: at - from,
      size: featureSize[at]!,
      examples,
      named: examples === 0,
      score: counted.worths[at - from]!,
    });
  }
  return features.sort((a, b) => b.score - a.score || a.feature - b.feature);
}

/**
 * The example of a feature that is shown: the one that matches best, of equals the strongest; without one its strongest.
 * Which of the feature's examples it is, by rank.
 */
export function bestMember(passages: Passages, { matches }: FoundUnits, unit: number, of: number): number {
  const { exampleStart, feature } = passages;
  let best = -1;
  let most = 0;
  for (let at = exampleStart[unit]!; at < exampleStart[unit + 1]!; at++) {
    const exactness = EXACTNESS[matches.codes[at]!]!;
    if (feature[at] !== of || exactness <= most) continue;
    most = exactness;
    best = at;
  }
  return best < 0 ? 0 : passages.memberAt(best, unit);
}

/** Counts what of a unit matches: of one at a time, in arrays that are made once. */
class UnitMatches {
  /** Of each feature of the unit looked at last, its examples that match, and what it is worth in the order. */
  readonly examples: Uint32Array;
  readonly worths: Float32Array;
  readonly #passages: Passages;
  readonly #matches: Matches;

  constructor(passages: Passages, matches: Matches, mostFeatures: number) {
    this.#passages = passages;
    this.#matches = matches;
    this.examples = new Uint32Array(mostFeatures);
    this.worths = new Float32Array(mostFeatures);
  }

  /** What the best feature of a unit is worth; 0 where none matches. */
  of(unit: number): number {
    const { exampleStart, featureStart, featureSize, feature, total } = this.#passages;
    const { codes, names } = this.#matches;
    const { examples, worths } = this;
    const [from, to] = [featureStart[unit]!, featureStart[unit + 1]!];
    for (let own = 0; own < to - from; own++) {
      examples[own] = 0;
      worths[own] = 0;
    }
    for (let at = exampleStart[unit]!; at < exampleStart[unit + 1]!; at++) {
      const code = codes[at]!;
      if (code === 0) continue;
      const own = feature[at]!;
      examples[own]!++;
      worths[own]! += EXACTNESS[code]!;
    }
    const all = Math.max(LEAST_EXAMPLES, total[unit]!);
    let most = 0;
    for (let own = 0; own < to - from; own++) {
      const size = Math.max(1, featureSize[from + own]!);
      const name = names[from + own]!;
      if (examples[own]! > 0) worths[own] = (examples[own]! / all) * (worths[own]! / size);
      else if (name > 0) worths[own] = (size / all) * Math.fround(NAME * (name / WHOLE));
      else continue;
      if (worths[own]! > most) most = worths[own]!;
    }
    return most;
  }
}

/** Units, ascending, by their worths in [0, 1], the best first; of equals the first. */
function byWorth(units: Uint32Array, worths: Float32Array): Uint32Array {
  // Of positive numbers the bits in single precision are in their order; with the unit they are one number.
  const bits = new Uint32Array(worths.buffer, worths.byteOffset, worths.length);
  const keys = new Float64Array(units.length);
  for (let i = 0; i < units.length; i++) keys[i] = (ONE_BITS - bits[i]!) * UNITS + units[i]!;
  keys.sort();
  const sorted = new Uint32Array(units.length);
  for (let i = 0; i < units.length; i++) sorted[i] = keys[i]! % UNITS;
  return sorted;
}
