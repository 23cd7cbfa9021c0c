import { hashFraction, hashText } from '../base/hash.ts';
import { bestPattern, common, exampleSet, type FoundPattern, UnitFacts } from './name-search.ts';
import { patternText } from './name-text.ts';
import type { PlaceIndex, PlaceReader } from './places.ts';

/** What a feature is called: a pattern of text, and how well it tells the feature's examples from others. */
export interface FeatureName {
  /** As a person would write it: ‹treaty› after "of the". */
  readonly text: string;
  /**
   * Share of the unit's examples for which the pattern holds that are the feature's own; null where it is not scored, and
   * where the unit has no other examples.
   */
  readonly precision: number | null;
  /** Share of the feature's examples for which it holds; null where it is not scored: fewer than 8 examples. */
  readonly recall: number | null;
  /** Share of random text positions for which it holds; null where there are none to compare with. */
  readonly falseAlarms: number | null;
}

/** The random text positions that names are compared with, and what reads facts of places like them. */
export interface NamingCorpus {
  readonly reader: PlaceReader;
  readonly index: PlaceIndex;
}

/** Examples of a feature from which on its name is scored. */
export const SCORED = 8;
/** Examples of a unit that names are made from; of more, so many by hash. */
const MOST_EXAMPLES = 512;
/** A pattern that scores less (F1) is no name: on the examples that it was chosen on, and on those that it has not seen. */
const LEAST_SCORE = 0.4;
const LEAST_HELD_OUT = 0.25;
const SALT = hashText('folds of names');

/** An example of a unit, as it is named: where it lies, and what is true there. */
export interface NamedExample {
  readonly context: number;
  readonly position: number;
  readonly facts: Float64Array;
}

/**
 * Names each feature of one unit by the pattern that best tells its examples from the unit's other examples and from random
 * text positions (`bestPattern`). Precision and recall are of examples that the choice has not seen: the pattern is chosen
 * again on one half of each feature's examples, split by hash, and tried on the other half, both ways. The name itself is
 * chosen on all. Examples that are `stray` take no part; a feature of one example, or of strays alone, gets no name.
 *
 * @param features members of each feature, indices of `examples`
 * @param stray 1 for examples that were given to a feature though they are unlike it
 * @example
 * const naming = new NamingTexts([{ texts: [' the', ' court', ' ruled'], position: 1 }]);
 * const texts = [' the', ' treaty', ' of', ' peace'];
 * const examples = [0, 1].map((context) => naming.example(context, 1, () => texts));
 * console.log(nameFeatures({ features: [[0, 1]], examples, corpus: naming })[0]?.text); // ‹treaty›
 */
export function nameFeatures({
  features,
  examples,
  corpus: { reader, index },
  stray = null,
}: {
  features: readonly (readonly number[])[];
  examples: readonly NamedExample[];
  corpus: NamingCorpus;
  stray?: Uint8Array | null;
}): (FeatureName | null)[] {
  const order = byHash(examples).filter((example) => !stray?.[example]);
  const chosen = order.slice(0, MOST_EXAMPLES);
  const facts = new UnitFacts(chosen.map((example) => examples[example]!.facts));
  const featureOf = new Int32Array(examples.length);
  features.forEach((members, feature) => {
    for (const member of members) featureOf[member] = feature;
  });
  const own = features.map((): number[] => []);
  for (const [i, example] of chosen.entries()) own[featureOf[example]!]!.push(i);
  const set = (members: Iterable<number>): Uint32Array => exampleSet(chosen.length, members);
  /** By hash, every other example of each feature. */
  const halves = [0, 1].map((half) =>
    set(own.flatMap((members) => members.filter((_, i) => i % 2 === half))),
  );
  const all = set(chosen.keys());
  return own.map((members) => {
    const positives = set(members);
    const negatives = all.map((word, i) => word & ~positives[i]!);
    const found = bestPattern(facts, positives, negatives, index);
    if (found === null || found.score < LEAST_SCORE) return null;
    const scores =
      members.length < SCORED ? UNSCORED : heldOut({ facts, positives, negatives, halves, index });
    if (scores.recall !== null && nameF1(scores) < LEAST_HELD_OUT) return null;
    return {
      text: patternText(
        found,
        reader,
        members.map((i) => examples[chosen[i]!]!.facts),
      ),
      ...scores,
      falseAlarms: index.count === 0 ? null : found.places.count / index.count,
    };
  });
}

/** F1 of a scored name; where the unit has no other examples, precision counts as 1. */
export function nameF1({ precision, recall }: Pick<FeatureName, 'precision' | 'recall'>): number {
  const [p, r] = [precision ?? 1, recall ?? 0];
  return p + r === 0 ? 0 : (2 * p * r) / (p + r);
}

const UNSCORED: Pick<FeatureName, 'precision' | 'recall'> = { precision: null, recall: null };

/** Precision and recall of patterns chosen on one half, at the other. */
function heldOut({
  facts,
  positives,
  negatives,
  halves,
  index,
}: {
  facts: UnitFacts;
  positives: Uint32Array;
  negatives: Uint32Array;
  halves: readonly Uint32Array[];
  index: PlaceIndex;
}): Pick<FeatureName, 'precision' | 'recall'> {
  let [right, wrong] = [0, 0];
  const both = (a: Uint32Array, b: Uint32Array): Uint32Array => a.map((word, i) => word & b[i]!);
  halves.forEach((half, i) => {
    const found: FoundPattern | null = bestPattern(
      facts,
      both(positives, half),
      both(negatives, half),
      index,
    );
    if (found === null) return;
    const held = both(found.bits, halves[1 - i]!);
    right += common(held, positives);
    wrong += common(held, negatives);
  });
  const isAlone = negatives.every((word) => word === 0);
  return {
    precision: isAlone ? null : right + wrong === 0 ? 0 : right / (right + wrong),
    recall: right / common(positives, positives),
  };
}

/** Examples in an order that looks random and does not depend on what they are examples of. */
function byHash(examples: readonly NamedExample[]): number[] {
  const hash = examples.map(({ context, position }) => hashFraction(SALT, 0, context, position));
  return Array.from(examples.keys()).sort((a, b) => hash[a]! - hash[b]! || a - b);
}
