import { centralExamples } from '../../../src/cluster/central.ts';
import { cutTree } from '../../../src/cluster/cut.ts';
import type { Tree } from '../../../src/cluster/tree.ts';
import { type DescribedFeatures, describeFeatures, type Feature } from '../../../src/features/describe.ts';
import type { WordCounts } from '../../../src/features/feature-words.ts';
import { countLabels, sampleCounts } from '../../../src/features/word-counter.ts';
import { allWordTexts, peakWords, wordTokens } from '../../../src/features/word-texts.ts';
import { type ExampleWords, labelWords } from '../../../src/features/words.ts';
import { polysemy } from '../../../src/polysemy/metrics.ts';
import type { Feature as AnsweredFeature, Clustering, Example, Polysemy, Unit } from '../source/answers.ts';

/** A unit cut into features at one threshold. */
export interface Cut extends DescribedFeatures {
  /** Null while the distances are not there yet. */
  readonly metrics: Polysemy | null;
  /** Examples that belong to no feature of their own and were given to the nearest. */
  readonly stray: ReadonlySet<number>;
}

const NONE: ReadonlySet<number> = new Set();

/** The members of each feature, without its stray examples. */
export function ownMembers({ features, stray }: Cut): number[][] {
  return features.map(({ members }) => members.filter((example) => !stray.has(example)));
}

/** Whether two cuts have the same feature, with the same name and words, at the same place. */
export function isSameFeature(a: Feature, b: Feature): boolean {
  return a === b || (a.size === b.size && JSON.stringify(a) === JSON.stringify(b));
}

/** A feature that stray examples were given to, and which. */
export interface Given {
  readonly feature: Feature;
  readonly examples: readonly number[];
}

/** The stray examples by the features that they stand with, those in the order of the list. */
export function strayByFeature(features: readonly Feature[], stray: ReadonlySet<number>): Given[] {
  return features
    .map((feature) => ({ feature, examples: feature.members.filter((example) => stray.has(example)) }))
    .filter(({ examples }) => examples.length > 0);
}

export function unitTree(count: number, merges: readonly (readonly number[])[]): Tree {
  return { count, merges: Float64Array.from(merges.flat()) };
}

/** All examples of a unit, by id. */
export function unitExamples(unit: Unit): Example[] {
  const examples: Example[] = [];
  for (const feature of unit.features) for (const example of feature.examples) examples[example.id] = example;
  return examples;
}

/** The cut that the study stores. */
export function storedCut(unit: Unit): Cut {
  return { ...answered(unit), metrics: unit, stray: new Set(unit.stray) };
}

/** A cut as the server answers it. */
export function answeredCut(answer: Clustering): Cut {
  return { ...answered(answer), metrics: answer.metrics, stray: new Set(answer.stray) };
}

/** The height of the last merge at or below a threshold: a cut there is the same, and so is what was made of it. */
export function lastMerge({ merges }: Tree, threshold: number): number {
  let last = 0;
  for (let at = 2; at < merges.length; at += 4) {
    if (merges[at]! <= threshold) last = Math.max(last, merges[at]!);
  }
  return last;
}

/** Cuts a tree here in the browser: features, metrics (where `distances` are there) and words, as the server would. */
export function recut(
  tree: Tree,
  threshold: number,
  {
    distances,
    activation,
    words,
  }: { distances: Float64Array | null; activation: readonly number[]; words: LocalWords | null },
): Cut {
  const labels = cutTree(tree, { distance: threshold });
  const centrals = distances === null ? null : centralExamples({ distances, labels });
  return {
    ...describeFeatures({ labels, activations: activation, centrals, words }),
    metrics: distances === null ? null : polysemy({ distances, labels }),
    stray: NONE,
  };
}

/** Above this many examples, words wait for the server. */
const MOST_EXAMPLES = 256;

/** Names features without the server: the unit's own contexts stand for the corpus. Used while a cut is on the move. */
export class LocalWords {
  readonly examples: readonly ExampleWords[];
  readonly corpus: WordCounts;

  private constructor(examples: readonly Example[]) {
    const contexts = Array.from(new Map(examples.map((example) => [example.context, example])).values());
    const isOfImages = examples[0]?.image !== undefined;
    this.examples = examples.map((example) =>
      isOfImages
        ? labelWords(example.image?.label ?? null)
        : peakWords(wordTokens(example), example.position),
    );
    this.corpus = isOfImages
      ? countLabels(contexts.map(({ image }) => image?.label ?? null))
      : sampleCounts(contexts.map((example) => allWordTexts(wordTokens(example))));
  }

  static of(examples: readonly Example[]): LocalWords | null {
    return examples.length > MOST_EXAMPLES ? null : new LocalWords(examples);
  }
}

/** An answer's features with their members. */
function answered({
  leaves,
  features,
}: {
  readonly leaves: { readonly feature: readonly number[] };
  readonly features: readonly AnsweredFeature[];
}): DescribedFeatures {
  const members = features.map((): number[] => []);
  leaves.feature.forEach((id, example) => {
    members[id]!.push(example);
  });
  return {
    featureOf: Int32Array.from(leaves.feature),
    features: features.map(
      ({ id, size, name, words, meanActivation, central }): Feature => ({
        id,
        size,
        name,
        words,
        meanActivation,
        central,
        members: members[id]!,
      }),
    ),
  };
}
