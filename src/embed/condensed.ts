import { PolysemeError } from '../errors.ts';

/** Distances between all pairs of n points in SciPy's condensed order: (0,1), (0,2), …, (0,n−1), (1,2), … */
export type Condensed = Float32Array | Float64Array;

/** Pairs of `count` points. */
export function pairCount(count: number): number {
  return count > 1 ? (count * (count - 1)) / 2 : 0;
}

/** Where row `i` of the square matrix would start: the pair (i, j), i < j, of `count` points lies at this plus j. */
export function rowStart(count: number, i: number): number {
  return pairCount(count) - pairCount(count - i) - i - 1;
}

/** The condensed distances between some of the points: `chosen` are their indices, ascending. */
export function condensedOf(distances: Condensed, count: number, chosen: ArrayLike<number>): Float64Array {
  const part = new Float64Array(pairCount(chosen.length));
  let at = 0;
  for (let i = 0; i < chosen.length; i++) {
    const start = rowStart(count, chosen[i]!);
    for (let j = i + 1; j < chosen.length; j++) part[at++] = distances[start + chosen[j]!]!;
  }
  return part;
}

/** Throws unless `count` is a count of points and `distances` holds one value for each of their pairs. */
export function checkCondensed(caller: string, distances: Condensed, count: number): void {
  checkCount(caller, count);
  if (distances.length !== pairCount(count)) {
    throw new PolysemeError(
      `${caller}: distances holds ${distances.length} values, but ${count} points have ${pairCount(count)} pairs`,
    );
  }
}

/** Throws unless `count` is a whole number of at least 0. */
export function checkCount(caller: string, count: number): void {
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new PolysemeError(`${caller}: count must be a whole number of at least 0, not ${count}`);
  }
}
