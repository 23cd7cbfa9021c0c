import { advance, EXACTNESS, type MatchedExamples, matchTerms, textLevel, WHOLE } from './match.ts';
import type { Passages } from './passages.ts';
import type { SearchQuery } from './query.ts';

/** What a name or words of a feature that have all terms are worth, where no passage has. */
const NAME = 1 / 100;
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

/** Units that a query finds, and how their examples and features match. */
export interface FoundUnits {
  /** By bank and index, the best match first. */
  readonly units: Uint32Array;
  /** Of every feature of the study: its examples that match, and what it is worth in the order. */
  readonly examples: Uint32Array;
  readonly score: Float32Array;
  /** 1 for features without such examples whose name says so (`in dates`), or whose words do. */
  readonly named: Uint8Array;
  readonly matched: MatchedExamples;
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
 * its words, or by what is said about it, is worth a hundredth of its share. A unit is worth what its best feature is; one that
 * something is said about, a hundredth at least.
 * @param parts whether words that contain a term match it too
 */
export function findPassages(
  passages: Passages,
  { terms }: SearchQuery,
  parts = false,
  said: readonly Said[] = [],
): FoundUnits {
  const { featureSize, featureStart, exampleStart, feature, total } = passages;
  const examples = new Uint32Array(featureSize.length);
  const score = new Float32Array(featureSize.length);
  const named = new Uint8Array(featureSize.length);
  const { examples: matched, names } = matchTerms(passages, terms, parts);
  const ofUnits = new Map<number, number>();
  for (const { unit, feature: about, text } of said) {
    const level = textLevel(text, terms, parts);
    if (about === null) ofUnits.set(unit, Math.max(level, ofUnits.get(unit) ?? 0));
    else {
      const own = featureStart[unit]! + about;
      if (own < featureStart[unit + 1]!) names[own] = Math.max(level, names[own]!);
    }
  }
  const units: number[] = [];
  const best: number[] = [];
  let next = 0;
  for (let unit = 0; unit < total.length; unit++) {
    const [from, to] = [featureStart[unit]!, featureStart[unit + 1]!];
    const end = exampleStart[unit + 1]!;
    for (; next < matched.example.length && matched.example[next]! < end; next++) {
      const own = from + feature[matched.example[next]!]!;
      examples[own]!++;
      score[own]! += EXACTNESS[matched.code[next]!]!;
    }
    const all = Math.max(1, total[unit]!);
    let most = NAME * ((ofUnits.get(unit) ?? 0) / WHOLE);
    let isFound = most > 0;
    for (let own = from; own < to; own++) {
      const size = Math.max(1, featureSize[own]!);
      if (examples[own]! > 0) score[own] = (examples[own]! / all) * (score[own]! / size);
      else if (names[own]! > 0) {
        named[own] = 1;
        score[own] = (size / all) * Math.fround(NAME * (names[own]! / WHOLE));
      } else continue;
      isFound = true;
      if (score[own]! > most) most = score[own]!;
    }
    if (!isFound) continue;
    units.push(unit);
    best.push(most);
  }
  return { units: byScore(units, best), examples, score, named, matched };
}

/** Units by their scores in [0, 1], the best first; of equals the first. */
function byScore(units: readonly number[], scores: readonly number[]): Uint32Array {
  // Of positive numbers the bits in single precision are in their order; with the unit they are one number.
  const single = Float32Array.from(scores);
  const bits = new Uint32Array(single.buffer);
  const keys = Float64Array.from(units, (unit, i) => (ONE_BITS - bits[i]!) * UNITS + unit).sort();
  return Uint32Array.from(keys, (key) => key % UNITS);
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

/**
 * The example of a feature that is shown: the one that matches best, of equals the strongest; without one its strongest.
 * Which of the feature's examples it is, by rank.
 */
export function bestMember(passages: Passages, { matched }: FoundUnits, unit: number, of: number): number {
  const { exampleStart, feature } = passages;
  let best = -1;
  let most = 0;
  for (let i = advance(matched.example, 0, exampleStart[unit]!); i < matched.example.length; i++) {
    const at = matched.example[i]!;
    if (at >= exampleStart[unit + 1]!) break;
    const exactness = EXACTNESS[matched.code[i]!]!;
    if (feature[at] !== of || exactness <= most) continue;
    most = exactness;
    best = at;
  }
  return best < 0 ? 0 : passages.memberAt(best, unit);
}
