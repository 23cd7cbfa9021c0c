import { type Embedding, unitEmbeddings } from '../bank/embedding.ts';
import { centralExamples } from '../cluster/central.ts';
import { cutTree } from '../cluster/cut.ts';
import { linkage } from '../cluster/linkage.ts';
import type { LinkageMethod } from '../cluster/linkage-methods.ts';
import type { Tree } from '../cluster/tree.ts';
import { cosineDistances } from '../embed/distances.ts';
import { type Polysemy, polysemy } from '../polysemy/metrics.ts';

/** How a unit's examples are split into features. */
export interface ClusterOptions {
  readonly linkage: LinkageMethod;
  /** Distance at which the dendrogram is cut. */
  readonly threshold: number;
}

/** A unit taken apart: its features are the labels of its examples. */
export interface UnitFeatures {
  /** Condensed distances between the neuron embeddings of the examples. */
  readonly distances: Float32Array;
  readonly tree: Tree;
  readonly labels: Int32Array;
  /** By label, the feature's most typical example. */
  readonly centrals: Int32Array;
  readonly metrics: Polysemy;
}

/** What a unit is split from. */
export interface SplitOptions {
  /** h of the unit's n examples, n × d row-major. */
  readonly inputs: Float32Array;
  /** The unit's row of weights: its w, d values; of a gated unit what `Embedding` says. */
  readonly weights: Float32Array;
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
  embedding = LINEAR,
  linkage: method = 'average',
  threshold = 0.5,
}: SplitOptions): UnitFeatures {
  const width = embedding.kind === 'linear' ? weights.length : (weights.length - 2) / 2;
  const count = inputs.length === 0 ? 0 : inputs.length / width;
  const distances = cosineDistances({ rows: unitEmbeddings(embedding, inputs, weights), count });
  const tree = linkage({ distances, count, method });
  const labels = cutTree(tree, { distance: threshold });
  return {
    distances,
    tree,
    labels,
    centrals: centralExamples({ distances, labels }),
    metrics: polysemy({ distances, labels }),
  };
}

const LINEAR: Embedding = { kind: 'linear' };
