import { centralExamples } from '../../../src/cluster/central.ts';
import { cutTree } from '../../../src/cluster/cut.ts';
import type { Tree } from '../../../src/cluster/tree.ts';
import { featureWords } from '../../../src/features/feature-words.ts';
import { type ExampleWords, exampleWords, splitWords } from '../../../src/features/words.ts';
import { polysemy } from '../../../src/polysemy/metrics.ts';
import type { Clustering, Example, Polysemy, Unit } from '../source/types.ts';

/** A feature as the page shows it. `id` is its label; `members` are example ids by rank. */
export interface CutFeature {
  readonly id: number;
  readonly size: number;
  readonly members: readonly number[];
  readonly words: readonly string[];
  readonly central: number;
  readonly meanActivation: number;
  /** Place by size, 0 for the largest. */
  readonly rank: number;
}

/** A unit cut into features at one threshold. */
export interface Cut {
  readonly labels: Int32Array;
  /** Largest first. */
  readonly features: readonly CutFeature[];
  /** Null while the distances are not there yet. */
  readonly metrics: Polysemy | null;
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
  const labels = Int32Array.from(unit.leaves.label);
  return { labels, features: withMembers(unit.features, labels), metrics: unit };
}

/** A cut as the server answers it. */
export function answeredCut(answer: Clustering): Cut {
  const labels = Int32Array.from(answer.labels);
  return { labels, features: withMembers(answer.features, labels), metrics: answer.metrics };
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
  const members = groups(labels);
  const centrals = distances === null ? null : centralExamples({ distances, labels });
  const names = words?.name(members);
  const features = members
    .map((own, id) => ({
      id,
      size: own.length,
      members: own,
      words: names?.[id] ?? [],
      central: centrals?.[id] ?? own[0]!,
      meanActivation: own.reduce((sum, example) => sum + activation[example]!, 0) / own.length,
    }))
    .sort((a, b) => b.size - a.size || a.id - b.id)
    .map((feature, rank) => ({ ...feature, rank }));
  return { labels, features, metrics: distances === null ? null : polysemy({ distances, labels }) };
}

/** Above this many examples, words wait for the server. */
const MOST_EXAMPLES = 256;

/** Names features without the server: the unit's own contexts stand for the corpus. Used while a cut is on the move. */
export class LocalWords {
  readonly #examples: readonly ExampleWords[];
  readonly #counts = new Map<string, number>();
  #total = 0;

  private constructor(examples: readonly Example[]) {
    this.#examples = examples.map(({ tokens, position }) => exampleWords(tokens, position));
    const seen = new Set<number>();
    for (const { context, tokens } of examples) {
      if (seen.has(context)) continue;
      seen.add(context);
      for (const { text } of splitWords(tokens)) {
        this.#counts.set(text, (this.#counts.get(text) ?? 0) + 1);
        this.#total++;
      }
    }
  }

  static of(examples: readonly Example[]): LocalWords | null {
    return examples.length > MOST_EXAMPLES ? null : new LocalWords(examples);
  }

  name(members: readonly (readonly number[])[]): string[][] {
    return featureWords({
      features: members.map((own) => own.map((example) => this.#examples[example]!)),
      corpus: { total: this.#total, count: (word) => this.#counts.get(word) ?? 0 },
    });
  }
}

function withMembers(
  features: readonly Omit<CutFeature, 'members' | 'rank'>[],
  labels: Int32Array,
): CutFeature[] {
  const members = groups(labels);
  return features.map(({ id, size, words, central, meanActivation }, rank) => ({
    id,
    size,
    words,
    central,
    meanActivation,
    members: members[id] ?? [],
    rank,
  }));
}

function groups(labels: Int32Array): number[][] {
  const members: number[][] = [];
  labels.forEach((label, example) => {
    members[label] ??= [];
    members[label].push(example);
  });
  return members;
}
