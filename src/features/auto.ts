import { cutTree } from '../cluster/cut.ts';
import { labelsOf } from '../cluster/labels.ts';
import type { Tree } from '../cluster/tree.ts';
import { type Condensed, checkCondensed, rowStart } from '../embed/condensed.ts';
import { zeroRowsOf } from '../embed/gram.ts';
import { pointSilhouette } from '../polysemy/silhouette.ts';
import { SCATTER_BOUND, SEPARATION_BOUND } from '../polysemy/verdict.ts';

/** Most features that a unit is split into. */
export const MOST_FEATURES = 12;
/** The bounds that features and verdicts follow from; they are kept in a study. */
export const BOUNDS = {
  separation: SEPARATION_BOUND,
  scatter: SCATTER_BOUND,
  features: MOST_FEATURES,
} as const;
/** Examples for each feature that is tried for: n examples are split into at most n/4 features. */
const EXAMPLES_PER_FEATURE = 4;
/** Share of the examples below which a cluster is no feature. */
const SMALLEST_SHARE = 0.05;
/** Silhouettes and similarities that differ by less are equal: sums in another order differ in the last digits. */
const EQUAL = 1e-9;
/** A mean unit embedding with a squared length below this is none: the distances are exact to about 2e-6. */
const NO_LENGTH = 1e-5;

/** A split of a unit's examples into clusters, with the members of too small clusters given to the nearest others. */
export interface Separation {
  /** Clusters by label, from 0 by first appearance. */
  readonly labels: Int32Array;
  readonly clusters: number;
  /** Mean silhouette s of the split. */
  readonly separation: number;
  /** 1 where the example was given away. */
  readonly stray: Uint8Array;
}

/** The features of a unit by the silhouette rule. */
export interface AutoFeatures {
  /** Features by label, from 0 by first appearance; all 0 where there is one. */
  readonly labels: Int32Array;
  /** 0 without examples, else at least 1. */
  readonly count: number;
  /** Mean silhouette s of the best split, reached or not; null for fewer than 8 examples, or where no split is left. */
  readonly separation: number | null;
  /** 1 where the example lay in a cluster too small to be a feature and was given away; all 0 where there is one feature. */
  readonly stray: Uint8Array;
}

/**
 * How many features a unit has, and which example belongs to which: the best split of `bestSplit` where its mean
 * silhouette reaches the bound, else one feature. Fewer than 8 examples are one feature.
 * @param tree of the examples, by average linkage
 * @param distances condensed, those that the tree was made from
 * @param bound calibrated on units of known features, see docs/validity.md
 * @example
 * const rows = Float32Array.from({ length: 32 }, (_, i) => (i % 4 === 0 || i % 4 === 3 ? 1 : 0.25));
 * const distances = cosineDistances({ rows, count: 16 });
 * const tree = linkage({ distances, count: 16, method: 'average' });
 * const { count, separation } = autoFeatures({ tree, distances });
 * console.log(count, separation); // 2 1
 */
export function autoFeatures({
  tree,
  distances,
  bound = SEPARATION_BOUND,
  most = MOST_FEATURES,
}: {
  tree: Tree;
  distances: Condensed;
  bound?: number;
  most?: number;
}): AutoFeatures {
  const split = bestSplit({ tree, distances, most });
  if (split !== null && split.separation >= bound) {
    const { labels, clusters: count, separation, stray } = split;
    return { labels, count, separation, stray };
  }
  const n = tree.count;
  return {
    labels: new Int32Array(n),
    count: Math.min(n, 1),
    separation: split?.separation ?? null,
    stray: new Uint8Array(n),
  };
}

/**
 * The split with the largest mean silhouette (Rousseeuw 1987) among k = 2 … min(`most`, ⌊n/4⌋): the tree is cut into k
 * clusters, and members of clusters below max(2, 5 % of n) are given, all at once, to the nearest other: the one with
 * whose mean unit embedding, before any is given, their cosine is largest (of equal ones the larger cluster). A k that
 * leaves one cluster is skipped; of equal silhouettes the smaller k wins. Null where no k is left.
 *
 * Everything follows from the distances. With ê the unit embedding and S_c(x) the sum of x's distances to cluster c:
 * ê_x · Σ_c ê = |c| − S_c(x), and ‖Σ_c ê‖² = Σ over y in c of (|c| − S_c(y)) less 1 for each zero embedding.
 */
export function bestSplit({
  tree,
  distances,
  most = MOST_FEATURES,
}: {
  tree: Tree;
  distances: Condensed;
  most?: number;
}): Separation | null {
  const { count, merges } = tree;
  checkCondensed('bestSplit', distances, count);
  const largest = Math.min(most, Math.floor(count / EXAMPLES_PER_FEATURE));
  if (largest < 2) return null;
  const state = clusterSums(cutTree(tree, { clusters: largest }), largest, distances);
  let best: Separation | null = null;
  for (let k = largest; k >= 2; k--) {
    const found = separationOf(state, distances);
    if (found !== null && (best === null || found.separation >= best.separation - EQUAL)) best = found;
    const row = 4 * (count - k);
    joinColumns(state, columnOf(state, tree, merges[row]!), columnOf(state, tree, merges[row + 1]!));
  }
  return best;
}

/** Clusters as columns: which one each point is in, how many points each has, and sums of distances to them. */
interface Columns {
  readonly width: number;
  readonly column: Int32Array;
  readonly sizes: Int32Array;
  /** count × width: point i's distances to the points of column c, added up. */
  readonly sums: Float64Array;
  /** 1 where a point's embedding is zero. */
  readonly zero: Uint8Array;
}

function clusterSums(column: Int32Array, width: number, distances: Condensed): Columns {
  const count = column.length;
  const sums = new Float64Array(count * width);
  const sizes = new Int32Array(width);
  for (let i = 0; i < count; i++) {
    sizes[column[i]!]!++;
    const start = rowStart(count, i);
    for (let j = i + 1; j < count; j++) {
      const distance = distances[start + j]!;
      sums[i * width + column[j]!]! += distance;
      sums[j * width + column[i]!]! += distance;
    }
  }
  return { width, column, sizes, sums, zero: zeroRowsOf(distances, count) };
}

/** The column that a node of the tree lies in, by any of its points. */
function columnOf({ column }: Columns, { count, merges }: Tree, node: number): number {
  let point = node;
  while (point >= count) point = merges[4 * (point - count)]!;
  return column[point]!;
}

/** Puts column `b` into column `a`. */
function joinColumns({ width, column, sizes, sums }: Columns, a: number, b: number): void {
  sizes[a]! += sizes[b]!;
  sizes[b] = 0;
  for (let i = 0; i < column.length; i++) {
    sums[i * width + a]! += sums[i * width + b]!;
    if (column[i] === b) column[i] = a;
  }
}

/** The clusters as they are, small ones given away, and their silhouette; null where one would be left. */
function separationOf(state: Columns, distances: Condensed): Separation | null {
  const count = state.column.length;
  const least = Math.max(2, SMALLEST_SHARE * count);
  const kept = state.sizes.map((size) => (size >= least ? size : 0));
  const clusters = kept.reduce((sum, size) => sum + (size > 0 ? 1 : 0), 0);
  if (clusters < 2) return null;
  const { width, sums, column, sizes, stray } = giveAway(state, kept, distances);
  let total = 0;
  for (let i = 0; i < count; i++) total += pointSilhouette(sums, i * width, column[i]!, sizes);
  return { labels: labelsOf(column), clusters, separation: total / count, stray };
}

/** Gives the members of the columns that are not kept to the nearest of those that are. */
function giveAway(state: Columns, kept: Int32Array, distances: Condensed): Columns & { stray: Uint8Array } {
  const { width, column } = state;
  const count = column.length;
  const stray = column.map((c) => (kept[c] === 0 ? 1 : 0));
  const given = { ...state, stray: Uint8Array.from(stray), sizes: kept };
  if (!stray.includes(1)) return given;
  const lengths = meanLengths(state, kept);
  const to = { ...given, column: column.slice(), sizes: kept.slice(), sums: state.sums.slice() };
  for (let x = 0; x < count; x++) {
    if (stray[x] === 0) continue;
    const target = nearestColumn(state, kept, lengths, x);
    to.column[x] = target;
    to.sizes[target]!++;
    for (let i = 0; i < count; i++) {
      if (i !== x)
        to.sums[i * width + target]! += distances[i < x ? rowStart(count, i) + x : rowStart(count, x) + i]!;
    }
  }
  return to;
}

/** ‖Σ ê‖ of every kept column. */
function meanLengths({ width, column, sums, zero }: Columns, kept: Int32Array): Float64Array {
  const squares = new Float64Array(width);
  for (let i = 0; i < column.length; i++) {
    const c = column[i]!;
    squares[c]! += kept[c]! - sums[i * width + c]! - zero[i]!;
  }
  return squares.map((square, c) => (square > NO_LENGTH * kept[c]! * kept[c]! ? Math.sqrt(square) : 0));
}

function nearestColumn({ width, sums }: Columns, kept: Int32Array, lengths: Float64Array, x: number): number {
  let nearest = -1;
  let similarity = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < width; c++) {
    if (kept[c] === 0) continue;
    const found = lengths[c] === 0 ? 0 : (kept[c]! - sums[x * width + c]!) / lengths[c]!;
    const equal = Math.abs(found - similarity) <= EQUAL;
    if (equal ? kept[c]! > kept[nearest]! : found > similarity) {
      nearest = c;
      similarity = found;
    }
  }
  return nearest;
}
