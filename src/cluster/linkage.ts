import { type Condensed, checkCondensed } from '../embed/condensed.ts';
import { PolysemeError } from '../errors.ts';
import { type LinkageMethod, linkageMethods } from './linkage-methods.ts';
import { nearestNeighbourChain } from './nn-chain.ts';
import { minimumSpanningTree, spanningTreeOfRows } from './spanning-tree.ts';
import { mergeCount, type RawMerges, type Tree } from './tree.ts';

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
  checkValues(distances);
  if (!linkageMethods.includes(method)) {
    throw new PolysemeError(`linkage: unknown method '${method}' (known: ${linkageMethods.join(', ')})`);
  }
  if (count < 2) return { count, merges: new Float64Array(0) };
  const raw =
    method === 'single'
      ? minimumSpanningTree(distances, count)
      : nearestNeighbourChain(distances, count, method);
  return { count, merges: labelled(raw, count) };
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
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) {
      throw new PolysemeError(
        `linkage: distance ${i} of distances is ${value}; distances must be finite and not negative`,
      );
    }
  }
}

/** Rows of a tree: the merges sorted stably by height, each named by the clusters that its members are in by then. */
function labelled({ a, b, height }: RawMerges, count: number): Float64Array {
  const rows = mergeCount(count);
  const order = Uint32Array.from({ length: rows }, (_, k) => k);
  order.sort((i, j) => height[i]! - height[j]! || i - j);
  const merges = new Float64Array(4 * rows);
  const parent = Int32Array.from({ length: count + rows }, (_, id) => id);
  const size = new Int32Array(count + rows).fill(1);
  for (let row = 0; row < rows; row++) {
    const k = order[row]!;
    const x = root(parent, a[k]!);
    const y = root(parent, b[k]!);
    const merged = count + row;
    parent[x] = merged;
    parent[y] = merged;
    size[merged] = size[x]! + size[y]!;
    merges[4 * row] = Math.min(x, y);
    merges[4 * row + 1] = Math.max(x, y);
    merges[4 * row + 2] = height[k]!;
    merges[4 * row + 3] = size[merged]!;
  }
  return merges;
}

/** The cluster that holds `id` now, shortening the path to it. */
function root(parent: Int32Array, id: number): number {
  let top = id;
  while (parent[top] !== top) top = parent[top]!;
  let at = id;
  while (parent[at] !== top) {
    const next = parent[at]!;
    parent[at] = top;
    at = next;
  }
  return top;
}
