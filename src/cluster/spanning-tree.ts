import { type Condensed, rowStart } from '../embed/condensed.ts';
import type { RawMerges } from './tree.ts';

/**
 * Puts the distances of point `last` to the points `outside[0 … left − 1]` into `values`.
 */
type Distances = (last: number, outside: Int32Array, left: number, values: Float64Array) => void;

/** Single linkage of points by their condensed distances. */
export function minimumSpanningTree(distances: Condensed, count: number): RawMerges {
  const start = Float64Array.from({ length: count }, (_, x) => rowStart(count, x));
  return prim(count, (last, outside, left, values) => {
    for (let at = 0; at < left; at++) {
      const i = outside[at]!;
      values[at] = distances[last < i ? start[last]! + i : start[i]! + last]!;
    }
  });
}

/** Single linkage of points whose distances are computed a row at a time: no matrix is held. */
export function spanningTreeOfRows(row: (point: number) => Float32Array, count: number): RawMerges {
  return prim(count, (last, outside, left, values) => {
    const distances = row(last);
    for (let at = 0; at < left; at++) values[at] = distances[outside[at]!]!;
  });
}

/**
 * Single linkage by Prim's algorithm from point 0, the lowest point winning ties, as SciPy does it: each merge joins
 * the point added last (which is in the tree, so names its cluster) and the point nearest to the tree.
 */
function prim(count: number, distances: Distances): RawMerges {
  const raw = {
    a: new Int32Array(count - 1),
    b: new Int32Array(count - 1),
    height: new Float64Array(count - 1),
  };
  // Points outside the tree, ascending, and how far each is from it.
  const outside = Int32Array.from({ length: count }, (_, i) => i);
  const toTree = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  const values = new Float64Array(count);
  let last = 0;
  let place = 0;
  for (let merge = 0, left = count - 1; merge < count - 1; merge++, left--) {
    outside.copyWithin(place, place + 1, left + 1);
    distances(last, outside, left, values);
    let nearest = Number.POSITIVE_INFINITY;
    for (let at = 0; at < left; at++) {
      const i = outside[at]!;
      const distance = values[at]!;
      if (distance < toTree[i]!) toTree[i] = distance;
      if (toTree[i]! < nearest) {
        nearest = toTree[i]!;
        place = at;
      }
    }
    raw.a[merge] = last;
    raw.b[merge] = outside[place]!;
    raw.height[merge] = nearest;
    last = outside[place]!;
  }
  return raw;
}
