import { checkTree, mergeCount, type Tree } from './tree.ts';

/**
 * The points of a tree from left to right in its dendrogram (SciPy's `leaves_list`): first clusters on the left.
 * @throws PolysemeError when the tree is none
 * @example
 * const tree = linkage({ distances: Float32Array.of(0.9, 0.1, 0.9), count: 3, method: 'average' });
 * console.log([...leafOrder(tree)]); // [1, 0, 2]
 */
export function leafOrder(tree: Tree): Int32Array {
  checkTree('leafOrder', tree);
  const { count, merges } = tree;
  const order = new Int32Array(count);
  let leaves = 0;
  const open = count > 0 ? [count + mergeCount(count) - 1] : [];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (id < count) order[leaves++] = id;
    else open.push(merges[4 * (id - count) + 1]!, merges[4 * (id - count)]!);
  }
  return order;
}
