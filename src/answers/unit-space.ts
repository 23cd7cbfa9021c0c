import { unitEmbeddings } from '../bank/embedding.ts';
import { linkage } from '../cluster/linkage.ts';
import type { LinkageMethod } from '../cluster/linkage-methods.ts';
import type { Tree } from '../cluster/tree.ts';
import { pairCount } from '../embed/condensed.ts';
import { cosineDistances } from '../embed/distances.ts';
import { type PrincipalComponents, principalComponents } from '../embed/pca.ts';
import type { StoredNames } from '../features/describe.ts';
import type { WordCounts } from '../features/feature-words.ts';
import type { Labeling } from '../features/labeling.ts';
import type { NamingTexts } from '../features/naming.ts';
import type { TokenTexts } from '../features/split-unit.ts';
import type { UnitDetail } from '../study/record.ts';
import type { Study } from '../study/study.ts';
import type { ClusteredUnit } from './clustering.ts';
import { HttpProblem } from './problem.ts';

/** Most examples whose distances are computed while someone waits: about a second. */
export const MOST_EXAMPLES = 4096;

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
export class UnitSpace implements ClusteredUnit {
  readonly distances: Float32Array;
  readonly own: Labeling;
  readonly names: StoredNames;
  readonly #source: SpaceSource;
  readonly #detail: UnitDetail;
  readonly #embeddings: Float32Array;
  readonly #trees = new Map<LinkageMethod, Tree>();

  constructor(source: SpaceSource, bank: string, index: number) {
    const { study } = source;
    const { embedding, inputs, weights, centre, count } = study.inputs(bank, index);
    if (count > MOST_EXAMPLES) {
      throw new HttpProblem(
        422,
        `unit ${bank}/${index} has ${count} examples; up to ${MOST_EXAMPLES} are clustered and mapped on request`,
      );
    }
    this.#source = source;
    this.#detail = study.detail(bank, index);
    this.own = study.features(this.#detail);
    this.names = { words: study.words(bank, index), names: study.names(bank, index) };
    this.#embeddings = count === 0 ? inputs : unitEmbeddings(embedding, inputs, weights, centre);
    this.distances = cosineDistances({ rows: this.#embeddings, count });
    this.#trees.set(source.clustering.linkage, { count, merges: this.#detail.merges });
  }

  get count(): number {
    return this.#detail.labels.length;
  }

  get context(): Uint32Array {
    return this.#detail.context;
  }

  get position(): Uint32Array {
    return this.#detail.position;
  }

  get activation(): Float32Array {
    return this.#detail.activation;
  }

  get auto(): ClusteredUnit['auto'] {
    const { autoLabels, stray } = this.#detail;
    return autoLabels === undefined ? null : { labels: autoLabels, stray };
  }

  /** Bytes that it takes, about, with all four trees. */
  get size(): number {
    return 4 * (this.#embeddings.length + pairCount(this.count) + 32 * this.count) + 1000 * this.count;
  }

  contexts() {
    return this.#source.contexts(this.#detail.context);
  }

  wordCounts(): WordCounts {
    return this.#source.wordCounts;
  }

  naming(): NamingTexts | null {
    return this.#source.naming;
  }

  /** The tree of a linkage: the study's own as it is stored, others computed. */
  tree(method: LinkageMethod): Tree {
    let tree = this.#trees.get(method);
    if (tree === undefined) {
      tree = linkage({ distances: this.distances, count: this.count, method });
      this.#trees.set(method, tree);
    }
    return tree;
  }

  components(count: number): PrincipalComponents {
    return principalComponents({
      rows: this.#embeddings,
      count: this.count,
      components: count,
      distances: this.distances,
    });
  }
}
