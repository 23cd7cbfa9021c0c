import { cluster, hierarchy } from 'd3-hierarchy';
import type { Tree } from '../../../src/cluster/tree.ts';

interface Node {
  readonly id: number;
  readonly children?: readonly Node[];
}

/** Horizontal places, from 0 to 1, of the points of a tree and of its merges (row k at `count` + k). */
export function treeLayout({ count, merges }: Tree): Float64Array {
  const places = new Float64Array(count + Math.max(0, count - 1));
  if (count === 0) return places;
  const nodes: Node[] = Array.from({ length: count }, (_, id) => ({ id }));
  for (let row = 0; row < count - 1; row++) {
    nodes.push({ id: count + row, children: [nodes[merges[4 * row]!]!, nodes[merges[4 * row + 1]!]!] });
  }
  const root = cluster<Node>()
    .size([1, 1])
    .separation(() => 1)(hierarchy<Node>(nodes.at(-1)!));
  for (const node of root) places[node.data.id] = count === 1 ? 0.5 : node.x;
  return places;
}
