import { checkLabels } from '../cluster/labels.ts';
import { PolysemeError } from '../errors.ts';
import { featureWords, type WordCounts } from './feature-words.ts';
import { type FeatureName, type NamedExample, type NamingCorpus, nameFeatures } from './names.ts';
import type { ExampleWords } from './words.ts';

/** One feature of a unit. */
export interface Feature {
  /** Its place among the unit's features, from 0: the largest first, of equal sizes the one of the first example. */
  readonly id: number;
  /** Number of its examples. */
  readonly size: number;
  /** Its examples, by rank. */
  readonly members: readonly number[];
  /** The pattern that tells its examples from others; null where there is none, or nothing to find one with. */
  readonly name: FeatureName | null;
  /** Its most characteristic words, best first. */
  readonly words: readonly string[];
  readonly meanActivation: number;
  /** The example that is most like the rest. */
  readonly central: number;
}

/** A unit's features in order: feature i has the id i. */
export interface DescribedFeatures {
  readonly features: readonly Feature[];
  /** The feature of each example. */
  readonly featureOf: Int32Array;
}

/** What features are named from: the words around each example's peak, and how often words occur in the corpus. */
export interface Naming {
  readonly examples: readonly ExampleWords[];
  readonly corpus: WordCounts;
  /** What is true at each example's peak, and at random positions; without them no feature gets a name. */
  readonly places?: {
    readonly examples: readonly NamedExample[];
    readonly corpus: NamingCorpus;
    /** 1 for examples that take no part in names. */
    readonly stray: Uint8Array | null;
  } | null;
}

/** The names and words of each feature, by id, as a study has them. */
export interface StoredNames {
  readonly names: readonly (FeatureName | null)[];
  readonly words: readonly (readonly string[])[];
}

/**
 * Makes features of the labels of a unit's examples: the only place where their order, ids, sizes, names, words,
 * mean activations and central examples come from.
 *
 * @param labels cluster of each example, counted from 0 without gaps, as `cutTree` gives them
 * @param activations activation of each example
 * @param centrals by label, the central example (`centralExamples`); without them a feature's first example
 * @param words what names the features; or what a study has of each, by id; or null for none
 * @example
 * const { features } = describeFeatures({
 *   labels: Int32Array.of(0, 1, 1), activations: [3, 2, 1], centrals: Int32Array.of(0, 1), words: null,
 * });
 * console.log(features.map(({ members }) => members)); // [[1, 2], [0]]
 */
export function describeFeatures({
  labels,
  activations,
  centrals,
  words,
}: {
  labels: Int32Array;
  activations: ArrayLike<number>;
  centrals: Int32Array | null;
  words: StoredNames | Naming | null;
}): DescribedFeatures {
  const clusters = checkLabels('describeFeatures', labels);
  for (const [name, length, expected] of [
    ['activations', activations.length, labels.length],
    ['centrals', centrals?.length ?? clusters, clusters],
  ] as const) {
    if (length !== expected)
      throw new PolysemeError(`describeFeatures: ${name} has ${length} entries, not ${expected}`);
  }
  const byLabel = Array.from({ length: clusters }, (_, label) => ({ label, members: [] as number[] }));
  labels.forEach((label, example) => {
    byLabel[label]!.members.push(example);
  });
  const ordered = byLabel.sort(
    (a, b) => b.members.length - a.members.length || a.members[0]! - b.members[0]!,
  );
  const found = namesOf(
    ordered.map(({ members }) => members),
    words,
  );
  const featureOf = new Int32Array(labels.length);
  const features = ordered.map(({ label, members }, id) => {
    for (const example of members) featureOf[example] = id;
    return {
      id,
      size: members.length,
      members,
      name: found.names[id] ?? null,
      words: found.words[id] ?? [],
      meanActivation: members.reduce((sum, example) => sum + activations[example]!, 0) / members.length,
      central: centrals?.[label] ?? members[0]!,
    };
  });
  return { features, featureOf };
}

function namesOf(members: readonly (readonly number[])[], words: StoredNames | Naming | null): StoredNames {
  if (words === null) return { names: [], words: [] };
  if (!('corpus' in words)) return words;
  const { examples, corpus, places } = words;
  return {
    names: places ? nameFeatures({ features: members, ...places }) : [],
    words: featureWords({ features: members.map((own) => own.map((i) => examples[i]!)), corpus }),
  };
}
