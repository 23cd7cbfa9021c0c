import { PolysemeError } from '../errors.ts';
import { labelsOf } from './labels.ts';
import { checkTree, mergeCount, type Tree } from './tree.ts';

/** Where a tree is cut: at a distance, merges up to it hold; or into a number of clusters. */
export type Cut = { distance: number } | { clusters: number };

/**
 * Clusters of the points of a tree, numbered from 0 by first appearance.
 * `{ distance: t }`: merges at a distance ≤ t hold, with everything below them (SciPy's fcluster, criterion
 * `distance`). `{ clusters: k }`: the last k − 1 rows are undone, which leaves exactly min(k, count) clusters.
 * @throws PolysemeError when the tree is none, or the cut is not a distance ≥ 0 or a whole number of clusters
 * @example
 * const tree = linkage({ distances: Float32Array.of(0.1, 0.9, 0.9), count: 3, method: 'average' });
 * console.log([...cutTree(tree, { distance: 0.5 })]); // [0, 0, 1]
 * console.log([...cutTree(tree, { clusters: 3 })]); // [0, 1, 2]
 */
export function cutTree(tree: Tree, cut: Cut): Int32Array {
  checkTree('cutTree', tree);
  const { count, merges } = tree;
  const rows = mergeCount(count);
  const held = 'clusters' in cut ? heldByCount(rows, cut.clusters) : heldByDistance(tree, cut.distance);
  // From the top down: the cluster that each node is part of.
  const cluster = new Int32Array(count + rows).fill(-1);
  for (let row = rows - 1; row >= 0; row--) {
    if (!held[row]) continue;
    const id = cluster[count + row]! < 0 ? count + row : cluster[count + row]!;
    cluster[merges[4 * row]!] = id;
    cluster[merges[4 * row + 1]!] = id;
  }
  return labelsOf(
    Int32Array.from({ length: count }, (_, point) => (cluster[point]! < 0 ? point : cluster[point]!)),
  );
}

function heldByCount(rows: number, clusters: number): Uint8Array {
  if (!Number.isInteger(clusters) || clusters < 1) {
    throw new PolysemeError(`cutTree: clusters must be a whole number of at least 1, not ${clusters}`);
  }
  return new Uint8Array(rows).fill(1, 0, Math.max(0, rows - (clusters - 1)));
}

function heldByDistance({ count, merges }: Tree, distance: number): Uint8Array {
  if (Number.isNaN(distance) || typeof distance !== 'number') {
    throw new PolysemeError(`cutTree: distance must be a number, not ${distance}`);
  }
  const held = new Uint8Array(mergeCount(count));
  const holds = (id: number) => id < count || held[id - count] === 1;
  for (let row = 0; row < held.length; row++) {
    const within = merges[4 * row + 2]! <= distance;
    if (within && holds(merges[4 * row]!) && holds(merges[4 * row + 1]!)) held[row] = 1;
  }
  return held;
}
