import { checkCount } from '../embed/condensed.ts';
import { PolysemeError } from '../errors.ts';

/**
 * A whole hierarchy of `count` points, as SciPy's Z: `merges` holds count − 1 rows of four numbers, by rising
 * distance: the two clusters merged, smaller id first, their distance, and the size of the result.
 * Ids below `count` are points; row k makes the cluster count + k.
 */
export interface Tree {
  readonly count: number;
  readonly merges: Float64Array;
}

/** Merges in the order in which an algorithm found them: two members of the clusters merged, and the distance. */
export interface RawMerges {
  readonly a: Int32Array;
  readonly b: Int32Array;
  readonly height: Float64Array;
}

/** Rows of a tree of `count` points. */
export function mergeCount(count: number): number {
  return Math.max(0, count - 1);
}

/** Throws unless each row of `tree` merges two clusters that exist and were not merged before. */
export function checkTree(caller: string, tree: Tree): void {
  const { count, merges } = tree;
  checkCount(caller, count);
  if (merges.length !== 4 * mergeCount(count)) {
    throw new PolysemeError(
      `${caller}: merges holds ${merges.length} values, but a tree of ${count} points has ${mergeCount(count)} rows of 4`,
    );
  }
  const used = new Uint8Array(count + mergeCount(count));
  for (let row = 0; row < mergeCount(count); row++) {
    for (const id of [merges[4 * row]!, merges[4 * row + 1]!]) {
      if (!(Number.isInteger(id) && id >= 0 && id < count + row) || used[id]) {
        throw new PolysemeError(
          `${caller}: row ${row} of merges takes cluster ${id}, which is not there to merge`,
        );
      }
      used[id] = 1;
    }
  }
}
