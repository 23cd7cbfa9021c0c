import { type Condensed, rowStart } from '../embed/condensed.ts';
import type { RawMerges } from './tree.ts';

/**
 * Puts the distances of point `last` to the points `outside[0 … left − 1]` into `values`.
 * @param toTree of each point outside, how far it is from the points before `last`
 */
type Distances = (
  last: number,
  outside: Int32Array,
  left: number,
  values: Float64Array,
  toTree: Float64Array,
) => void;

/** Rows computed together, and rows that wait for their turn. */
const TOGETHER = 3;
const MOST_WAITING = 256;

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

/**
 * Single linkage of points whose distances are computed some rows at a time: no matrix is held. With a point's row those of
 * the points are computed that are nearest to the tree, whose turn comes soon.
 * @param rows distances of some points to all, arrays of their own
 */
export function spanningTreeOfRows(
  rows: (points: readonly number[]) => readonly Float32Array[],
  count: number,
): RawMerges {
  const waiting = new Map<number, Float32Array>();
  return prim(count, (last, outside, left, values, toTree) => {
    let distances = waiting.get(last);
    waiting.delete(last);
    if (distances === undefined) {
      const soon = waiting.size < MOST_WAITING ? nearestOf(outside.subarray(0, left), toTree, waiting) : [];
      const [own, ...others] = rows([last, ...soon]);
      distances = own!;
      soon.forEach((point, i) => {
        waiting.set(point, others[i]!);
      });
    }
    for (let at = 0; at < left; at++) values[at] = distances[outside[at]!]!;
  });
}

/** The points nearest to the tree whose rows are not there. */
function nearestOf(
  outside: Int32Array,
  toTree: Float64Array,
  waiting: { has(point: number): boolean },
): number[] {
  const found: number[] = [];
  for (const point of outside) {
    const distance = toTree[point]!;
    const at = found.findIndex((other) => distance < toTree[other]!);
    if ((at < 0 && found.length === TOGETHER - 1) || waiting.has(point)) continue;
    found.splice(at < 0 ? found.length : at, 0, point);
    if (found.length === TOGETHER) found.pop();
  }
  return found;
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
    distances(last, outside, left, values, toTree);
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
