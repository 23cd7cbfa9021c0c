import { unitEmbeddings } from '../../bank/embedding.ts';
import { centralExamples } from '../../cluster/central.ts';
import { type Cut, cutTree } from '../../cluster/cut.ts';
import { featuresBySize } from '../../cluster/labels.ts';
import { leafOrder } from '../../cluster/leaf-order.ts';
import { type LinkageMethod, linkage } from '../../cluster/linkage.ts';
import type { Tree } from '../../cluster/tree.ts';
import { pairCount } from '../../embed/condensed.ts';
import { cosineDistances } from '../../embed/distances.ts';
import { type PrincipalComponents, principalComponents } from '../../embed/pca.ts';
import { featureWords } from '../../features/feature-words.ts';
import { type ExampleWords, exampleWords } from '../../features/words.ts';
import { polysemy } from '../../polysemy/metrics.ts';
import type { UnitDetail } from '../../study/record.ts';
import { fourDigits } from '../http/json.ts';
import { HttpProblem } from '../http/problem.ts';
import type { StudySource } from './served-study.ts';

/** Most examples whose distances are computed while someone waits: about a second. */
const MOST_EXAMPLES = 4096;
/** Tokens to each side of the peak whose words describe a feature, and those looked at to have them whole. */
const WORD_RADIUS = 5;
const WORD_REACH = 40;

/** One unit's examples in the space of its neuron embeddings, from which it is clustered anew and mapped. */
export class UnitSpace {
  readonly #source: StudySource;
  readonly #bank: string;
  readonly #index: number;
  readonly #detail: UnitDetail;
  readonly #embeddings: Float32Array;
  readonly #distances: Float32Array;
  readonly #trees = new Map<LinkageMethod, Tree>();
  #words: ExampleWords[] | null = null;

  constructor(source: StudySource, bank: string, index: number) {
    const { embedding, inputs, weights, count } = source.study.inputs(bank, index);
    if (count > MOST_EXAMPLES) {
      throw new HttpProblem(
        422,
        `unit ${bank}/${index} has ${count} examples; up to ${MOST_EXAMPLES} are clustered and mapped on request`,
      );
    }
    this.#source = source;
    this.#bank = bank;
    this.#index = index;
    this.#detail = source.study.detail(bank, index);
    this.#embeddings = count === 0 ? inputs : unitEmbeddings(embedding, inputs, weights);
    this.#distances = cosineDistances({ rows: this.#embeddings, count });
    this.#trees.set(source.clustering.linkage, { count, merges: this.#detail.merges });
  }

  get count(): number {
    return this.#detail.labels.length;
  }

  /** Bytes that it takes, about, with all four trees. */
  get size(): number {
    return 4 * (this.#embeddings.length + pairCount(this.count) + 32 * this.count) + 1000 * this.count;
  }

  get distances(): Float32Array {
    return this.#distances;
  }

  /** The tree of a linkage: the study's own as it is stored, others computed. */
  tree(method: LinkageMethod): Tree {
    let tree = this.#trees.get(method);
    if (tree === undefined) {
      tree = linkage({ distances: this.#distances, count: this.count, method });
      this.#trees.set(method, tree);
    }
    return tree;
  }

  /** The features that a cut of a tree gives, largest first. */
  cluster(method: LinkageMethod, cut: Cut) {
    const tree = this.tree(method);
    const labels = cutTree(tree, cut);
    const distances = this.#distances;
    const centrals = centralExamples({ distances, labels });
    const words = this.#wordsOf(labels, centrals.length);
    const metrics = polysemy({ distances, labels });
    return {
      tree,
      order: leafOrder(tree),
      labels,
      metrics,
      features: this.#features(labels, centrals, words),
    };
  }

  components(count: number): PrincipalComponents {
    return principalComponents({
      rows: this.#embeddings,
      count: this.count,
      components: count,
      distances: this.#distances,
    });
  }

  #features(labels: Int32Array, centrals: Int32Array, words: readonly string[][]) {
    const { activation } = this.#detail;
    const sizes = new Int32Array(centrals.length);
    const sums = new Float64Array(centrals.length);
    labels.forEach((label, i) => {
      sizes[label]!++;
      sums[label]! += activation[i]!;
    });
    return featuresBySize(labels, centrals.length).map((id, rank) => ({
      id,
      size: sizes[id]!,
      words: words[rank] ?? [],
      meanActivation: fourDigits(sums[id]! / sizes[id]!),
      central: centrals[id]!,
    }));
  }

  /** Words of each feature, largest first: the study's where the features are the study's; else words against a sample of its contexts. */
  #wordsOf(labels: Int32Array, clusters: number): string[][] {
    const { context, position, labels: stored } = this.#detail;
    if (labels.every((label, i) => label === stored[i])) {
      return this.#source.study.words(this.#bank, this.#index);
    }
    if (this.#words === null) {
      const contexts = this.#source.contexts(context);
      this.#words = Array.from(context, (id, i) => {
        const first = Math.max(0, position[i]! - WORD_REACH);
        const texts = this.#source.wordTexts(contexts.get(id)!.tokens, first, position[i]! + WORD_REACH);
        return exampleWords(texts, position[i]! - first, WORD_RADIUS);
      });
    }
    const features: ExampleWords[][] = Array.from({ length: clusters }, () => []);
    labels.forEach((label, i) => {
      features[label]!.push(this.#words![i]!);
    });
    const words = featureWords({ features, corpus: this.#source.wordCounts });
    return featuresBySize(labels, clusters).map((label) => words[label]!);
  }
}
