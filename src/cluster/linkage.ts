import { type Condensed, checkCondensed } from '../embed/condensed.ts';
import { PolysemeError } from '../errors.ts';
import { linkageKernel, treeRows } from './linkage-kernel.ts';
import { type LinkageMethod, linkageMethods } from './linkage-methods.ts';
import { nearestNeighbourChain } from './nn-chain.ts';
import { minimumSpanningTree, spanningTreeOfRows } from './spanning-tree.ts';
import type { RawMerges, Tree } from './tree.ts';

/**
 * Agglomerative clustering of `count` points by their condensed distances: equal, bit for bit and with ties, to
 * SciPy's `scipy.cluster.hierarchy.linkage(distances.astype(float64), method)`.
 * No or one point gives a tree without merges.
 * @param distances condensed, count·(count − 1)/2 numbers ≥ 0
 * @param method `average` (default), `complete`, `single` or `weighted`
 * @returns merges: SciPy's Z, (count − 1) × 4
 * @throws PolysemeError for another number of distances, one that is negative or not finite, or an unknown method
 * @example
 * const { merges } = linkage({ distances: Float32Array.of(0.25, 1, 0.5), count: 3, method: 'average' });
 * console.log([...merges]); // [0, 1, 0.25, 2, 2, 3, 0.75, 3]
 */
export function linkage({
  distances,
  count,
  method = 'average',
}: {
  distances: Condensed;
  count: number;
  method?: LinkageMethod;
}): Tree {
  checkCondensed('linkage', distances, count);
  if (!linkageMethods.includes(method)) {
    throw new PolysemeError(`linkage: unknown method '${method}' (known: ${linkageMethods.join(', ')})`);
  }
  if (count < 2) return { count, merges: new Float64Array(0) };
  if (method !== 'single') {
    const merges = nearestNeighbourChain(distances, count, method);
    if ('bad' in merges) throw badDistance(merges.bad, distances);
    return { count, merges };
  }
  checkValues(distances);
  return { count, merges: labelled(minimumSpanningTree(distances, count), count) };
}

/**
 * Single linkage of points whose distances are computed some rows at a time (`DistanceRows`), in memory that grows with their
 * number alone: the tree that `linkage` gives.
 */
export function singleLinkageOfRows(rows: {
  readonly count: number;
  some(points: readonly number[]): readonly Float32Array[];
}): Tree {
  const { count } = rows;
  if (count < 2) return { count, merges: new Float64Array(0) };
  return {
    count,
    merges: labelled(
      spanningTreeOfRows((points) => rows.some(points), count),
      count,
    ),
  };
}

function checkValues(distances: Condensed): void {
  for (let i = 0; i < distances.length; i++) {
    const value = distances[i]!;
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) throw badDistance(i, distances);
  }
}

function badDistance(at: number, distances: Condensed): PolysemeError {
  return new PolysemeError(
    `linkage: distance ${at} of distances is ${distances[at]}; distances must be finite and not negative`,
  );
}

/** Rows of a tree: the merges sorted stably by height, each named by the clusters that its members are in by then. */
function labelled({ a, b, height }: RawMerges, count: number): Float64Array {
  const kernel = linkageKernel(count, { stripValues: 0, matrix: false });
  const { exports, memory } = kernel;
  new Float64Array(memory.buffer, exports.heights.value, height.length).set(height);
  new Int32Array(memory.buffer, exports.membersA.value, a.length).set(a);
  new Int32Array(memory.buffer, exports.membersB.value, b.length).set(b);
  exports.label();
  return treeRows(kernel, count);
}
