import type { Tree } from '../../../src/cluster/tree.ts';

/** Features that stand side by side at most. */
export const MOST_BESIDE = 4;

/** Mean distance between the members of two features: over all pairs. */
export function meanBetween(
  distances: Float64Array,
  count: number,
  a: readonly number[],
  b: readonly number[],
): number {
  let sum = 0;
  for (const i of a) {
    for (const j of b) {
      const [low, high] = i < j ? [i, j] : [j, i];
      // SciPy's condensed order.
      sum += distances[low * count - (low * (low + 1)) / 2 + (high - low - 1)]!;
    }
  }
  return sum / (a.length * b.length);
}

/** Where a tree is to be cut so that these examples are one feature: the height at which the last of them joins. */
export function mergeHeight({ count, merges }: Tree, members: readonly number[]): number | null {
  const wanted = new Set(members);
  const inside = new Int32Array(2 * count - 1);
  for (const member of wanted) inside[member] = 1;
  for (let row = 0; row < count - 1; row++) {
    const of = inside[merges[4 * row]!]! + inside[merges[4 * row + 1]!]!;
    inside[count + row] = of;
    if (of === wanted.size) return merges[4 * row + 2]!;
  }
  return null;
}

/** Where a tree is to be cut so that these examples, one of its clusters, fall in two: just below their last merge. */
export function splitHeight(tree: Tree, members: readonly number[]): number | null {
  const height = members.length < 2 ? null : mergeHeight(tree, members);
  return height === null || height <= 0 ? null : height * (1 - 1e-9);
}

/** Words that a feature has and none of the others. */
export function ownWords(words: readonly string[], others: readonly (readonly string[])[]): string[] {
  const theirs = new Set(others.flat());
  return words.filter((word) => !theirs.has(word));
}

/** The features that an address lays side by side, as far as there are any. @param features how many the unit has */
export function besideOf(text: string | undefined, features: number): number[] {
  return [...new Set(text?.split(',').map(Number))].filter((id) => id < features).slice(0, MOST_BESIDE);
}
