import { type Embedding, embeddingRows } from '../bank/embedding.ts';
import { centralExamples } from '../cluster/central.ts';
import { cutTree } from '../cluster/cut.ts';
import { linkage } from '../cluster/linkage.ts';
import type { LinkageMethod } from '../cluster/linkage-methods.ts';
import type { Tree } from '../cluster/tree.ts';
import { cosineDistances } from '../embed/distances.ts';
import { nullDistance } from '../embed/null-distance.ts';
import { type Judgement, judge } from '../polysemy/judgement.ts';
import { type Polysemy, polysemy } from '../polysemy/metrics.ts';
import { autoFeatures } from './auto.ts';

/** How a unit's examples are split into features. */
export interface ClusterOptions {
  readonly linkage: LinkageMethod;
  /** Distance at which the dendrogram is cut. */
  readonly threshold: number;
}

/** A unit taken apart: its features are the labels of its examples. */
export interface UnitFeatures {
  /** Condensed distances between the neuron embeddings of the examples; empty of a unit that has too many to hold them. */
  readonly distances: Float32Array;
  readonly tree: Tree;
  readonly labels: Int32Array;
  /** By label, the feature's most typical example. */
  readonly centrals: Int32Array;
  readonly metrics: Polysemy;
  /** The same examples split by the silhouette rule, whatever the linkage and threshold. */
  readonly auto: AutoSplit;
  /** Numbers of that split, and what the unit is. */
  readonly judgement: Judgement;
}

/** Features by the silhouette rule (`autoFeatures`, on the average-linkage tree). */
export interface AutoSplit {
  readonly labels: Int32Array;
  readonly centrals: Int32Array;
  /** 1 for examples that were given to a feature though their own cluster was too small. */
  readonly stray: Uint8Array;
}

/** What a unit is split from. */
export interface SplitOptions {
  /** h of the unit's n examples, n × d row-major. */
  readonly inputs: Float32Array;
  /** The unit's row of weights: its w, d values; of a gated unit what `Embedding` says. */
  readonly weights: Float32Array;
  /** μ, the mean of h over the corpus, d values, which is taken off h; default none. */
  readonly centre?: Float32Array;
  /** h at random text positions, m × d: what unrelated inputs look like (nullDistance); default none. */
  readonly nullInputs?: Float32Array;
  /** How embeddings follow from the two; default h ⊙ w. */
  readonly embedding?: Embedding;
  /** Default `average`. */
  readonly linkage?: LinkageMethod;
  /** Distance at which the dendrogram is cut, in [0, 2]; default 0.5. */
  readonly threshold?: number;
}

/**
 * Splits a unit into features: neuron embeddings of its examples, their cosine distances, the hierarchy of these, cut at
 * a distance; and measures how polysemantic it is ("Tackling Polysemanticity with Neuron Embeddings", Foote 2024).
 *
 * @returns labels by example, the tree and the distances that they come from, and the metrics
 * @throws PolysemeError when the sizes do not fit, or inputs hold NaN or an infinity
 * @example
 * const inputs = Float32Array.of(1, 0, 2, 0.1, 0, 1); // three examples of two numbers
 * const { labels, metrics } = splitUnit({ inputs, weights: Float32Array.of(1, 1) });
 * console.log([...labels], metrics.clusters); // [0, 0, 1] 2
 */
export function splitUnit({
  inputs,
  weights,
  centre,
  nullInputs,
  embedding = LINEAR,
  linkage: method = 'average',
  threshold = 0.5,
}: SplitOptions): UnitFeatures {
  const width = embedding.kind === 'linear' ? weights.length : (weights.length - 2) / 2;
  const count = inputs.length === 0 ? 0 : inputs.length / width;
  const distances = cosineDistances({ ...embeddingRows(embedding, inputs, weights, centre), count });
  const tree = linkage({ distances, count, method });
  const labels = cutTree(tree, { distance: threshold });
  const metrics = polysemy({ distances, labels });
  const average = method === 'average' ? tree : linkage({ distances, count, method: 'average' });
  const auto = autoFeatures({ tree: average, distances });
  const nullRows = nullInputs && embeddingRows(embedding, nullInputs, weights, centre);
  return {
    distances,
    tree,
    labels,
    centrals: centralExamples({ distances, labels }),
    metrics,
    auto: { ...auto, centrals: centralExamples({ distances, labels: auto.labels }) },
    judgement: judge({
      ...auto,
      meanDistance: metrics.meanDistance,
      nullDistance: nullRows ? nullDistance({ ...nullRows, count: nullRows.rows.length / width }) : null,
    }),
  };
}

const LINEAR: Embedding = { kind: 'linear' };
