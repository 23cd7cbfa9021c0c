import { unitEmbeddings } from '../../bank/embedding.ts';
import { centralExamples } from '../../cluster/central.ts';
import { type Cut, cutTree } from '../../cluster/cut.ts';
import { leafOrder } from '../../cluster/leaf-order.ts';
import { linkage } from '../../cluster/linkage.ts';
import type { LinkageMethod } from '../../cluster/linkage-methods.ts';
import type { Tree } from '../../cluster/tree.ts';
import { pairCount } from '../../embed/condensed.ts';
import { cosineDistances } from '../../embed/distances.ts';
import { type PrincipalComponents, principalComponents } from '../../embed/pca.ts';
import { autoFeatures } from '../../features/auto.ts';
import { type DescribedFeatures, describeFeatures } from '../../features/describe.ts';
import type { WordCounts } from '../../features/feature-words.ts';
import { type Labeling, strayExamples } from '../../features/labeling.ts';
import type { NamingTexts } from '../../features/naming.ts';
import type { TokenTexts } from '../../features/split-unit.ts';
import { peakWords, wordTokens } from '../../features/word-texts.ts';
import { type ExampleWords, labelWords } from '../../features/words.ts';
import { polysemy } from '../../polysemy/metrics.ts';
import type { UnitDetail } from '../../study/record.ts';
import type { Study } from '../../study/study.ts';
import { namedExamples } from '../../study/study-naming.ts';
import { HttpProblem } from '../http/problem.ts';

/** Most examples whose distances are computed while someone waits: about a second. */
const MOST_EXAMPLES = 4096;

/** What a unit is clustered anew from. */
export interface SpaceSource {
  readonly study: Study;
  /** The linkage of the study's own trees. */
  readonly clustering: { readonly linkage: LinkageMethod };
  /** With what an image shows; undefined of text. */
  contexts(
    ids: ArrayLike<number>,
  ): ReadonlyMap<number, TokenTexts & { readonly label?: string | null | undefined }>;
  readonly wordCounts: WordCounts;
  /** What names are found with; null in a study of an older version. */
  readonly naming: NamingTexts | null;
}

/** One unit's examples in the space of its neuron embeddings, from which it is clustered anew and mapped. */
export class UnitSpace {
  readonly #source: SpaceSource;
  readonly #bank: string;
  readonly #index: number;
  readonly #detail: UnitDetail;
  readonly #embeddings: Float32Array;
  readonly #distances: Float32Array;
  readonly #trees = new Map<LinkageMethod, Tree>();
  #words: readonly ExampleWords[] | null = null;

  constructor(source: SpaceSource, bank: string, index: number) {
    const { embedding, inputs, weights, centre, count } = source.study.inputs(bank, index);
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
    this.#embeddings = count === 0 ? inputs : unitEmbeddings(embedding, inputs, weights, centre);
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

  /** The features that a cut of a tree gives, or `auto`, the best split by its silhouette. */
  cluster(method: LinkageMethod, cut: Cut | 'auto') {
    const tree = this.tree(method);
    const distances = this.#distances;
    const { labels, stray } = cut === 'auto' ? this.#auto() : { labels: cutTree(tree, cut) };
    return {
      tree,
      order: leafOrder(tree),
      metrics: polysemy({ distances, labels }),
      stray: strayExamples({ stray }),
      ...this.#describe(labels, stray ?? null),
    };
  }

  /** The best split: the study's own where it keeps it. */
  #auto(): Pick<Labeling, 'labels' | 'stray'> {
    const { autoLabels, stray } = this.#detail;
    if (autoLabels !== undefined) return { labels: autoLabels, stray };
    return autoFeatures({ tree: this.tree('average'), distances: this.#distances });
  }

  components(count: number): PrincipalComponents {
    return principalComponents({
      rows: this.#embeddings,
      count: this.count,
      components: count,
      distances: this.#distances,
    });
  }

  /** Features with the study's names where they are the study's features; else named against a sample of its text. */
  #describe(labels: Int32Array, stray: Uint8Array | null): DescribedFeatures {
    const { activation } = this.#detail;
    const { labels: stored } = this.#source.study.features(this.#detail);
    const isStored = labels.every((label, i) => label === stored[i]);
    return describeFeatures({
      labels,
      activations: activation,
      centrals: centralExamples({ distances: this.#distances, labels }),
      words: isStored
        ? {
            words: this.#source.study.words(this.#bank, this.#index),
            names: this.#source.study.names(this.#bank, this.#index),
          }
        : { examples: this.#peakWords(), corpus: this.#source.wordCounts, places: this.#places(stray) },
    });
  }

  #places(stray: Uint8Array | null) {
    const { naming } = this.#source;
    if (naming === null) return null;
    const contexts = this.#source.contexts(this.#detail.context);
    const examples = namedExamples(naming, this.#detail, contexts);
    return { examples, corpus: naming, stray };
  }

  #peakWords(): readonly ExampleWords[] {
    if (this.#words === null) {
      const { context, position } = this.#detail;
      const contexts = this.#source.contexts(context);
      this.#words = Array.from(context, (id, i) => {
        const shown = contexts.get(id)!;
        // The words of an image are what it shows.
        if (shown.label !== undefined) return labelWords(shown.label);
        return peakWords(wordTokens(shown), position[i]!);
      });
    }
    return this.#words;
  }
}
