import { type Embedding, unitEmbeddings } from '../bank/bank.ts';
import { centralExamples } from '../cluster/central.ts';
import { cutTree } from '../cluster/cut.ts';
import { type LinkageMethod, linkage } from '../cluster/linkage.ts';
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

/**
 * Embeds, clusters and measures one unit.
 * @param inputs h of its examples, n×d as the study stores them; `weights`: the unit's row of its bank's weights
 */
export function splitUnit(
  embedding: Embedding,
  inputs: Float32Array,
  weights: Float32Array,
  count: number,
  { linkage: method, threshold }: ClusterOptions,
): UnitFeatures {
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
