import type { Tree } from '../cluster/tree.ts';

// How a site's arrays lie in its files, so that gzip makes least of them: the high bytes of numbers whose low bits are noise stand
// together, and nothing that follows from the rest is there. All come back exactly.

/** Numbers of 16 bits as their low bytes, then their high bytes. */
export function toPlanes(values: Uint16Array): Uint8Array {
  const { length } = values;
  const planes = new Uint8Array(2 * length);
  for (let i = 0; i < length; i++) {
    planes[i] = values[i]!;
    planes[length + i] = values[i]! >> 8;
  }
  return planes;
}

export function fromPlanes(planes: Uint8Array): Uint16Array {
  const length = planes.length / 2;
  return Uint16Array.from({ length }, (_, i) => planes[i]! | (planes[length + i]! << 8));
}

/** The clusters that each row of a tree merges, first all the first ones; and where. How many points it has follows. */
export function packTree({ count, merges }: Tree): {
  pairs: Uint8Array | Uint32Array;
  heights: Float64Array;
} {
  const rows = merges.length / 4;
  const pairs = new (2 * count <= 256 ? Uint8Array : Uint32Array)(2 * rows);
  const heights = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    pairs[row] = merges[4 * row]!;
    pairs[rows + row] = merges[4 * row + 1]!;
    heights[row] = merges[4 * row + 2]!;
  }
  return { pairs, heights };
}

export function unpackTree(count: number, pairs: Uint8Array | Uint32Array, heights: Float64Array): Tree {
  const rows = heights.length;
  const merges = new Float64Array(4 * rows);
  const points = (id: number): number => (id < count ? 1 : merges[4 * (id - count) + 3]!);
  for (let row = 0; row < rows; row++) {
    const [a, b] = [pairs[row]!, pairs[rows + row]!];
    merges.set([a, b, heights[row]!, points(a) + points(b)], 4 * row);
  }
  return { count, merges };
}
