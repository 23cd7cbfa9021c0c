import { type Condensed, rowStart } from '../embed/condensed.ts';
import type { RawMerges } from './tree.ts';

/**
 * Single linkage by Prim's algorithm from point 0, the lowest point winning ties, as SciPy does it: each merge joins
 * the point added last (which is in the tree, so names its cluster) and the point nearest to the tree.
 */
export function minimumSpanningTree(distances: Condensed, count: number): RawMerges {
  const raw = {
    a: new Int32Array(count - 1),
    b: new Int32Array(count - 1),
    height: new Float64Array(count - 1),
  };
  const start = Float64Array.from({ length: count }, (_, x) => rowStart(count, x));
  // Points outside the tree, ascending, and how far each is from it.
  const outside = Int32Array.from({ length: count }, (_, i) => i);
  const toTree = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  let last = 0;
  let place = 0;
  for (let merge = 0, left = count - 1; merge < count - 1; merge++, left--) {
    outside.copyWithin(place, place + 1, left + 1);
    let nearest = Number.POSITIVE_INFINITY;
    for (let at = 0; at < left; at++) {
      const i = outside[at]!;
      const distance = distances[last < i ? start[last]! + i : start[i]! + last]!;
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
