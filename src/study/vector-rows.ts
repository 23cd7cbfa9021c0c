import type { BankVectors } from './vectors-file.ts';

/** The rows of a unit: the first of them, and how many there are. */
export function rowsOf(
  { units }: Pick<BankVectors, 'units'>,
  unit: number,
): { first: number; count: number } {
  const first = lowerBound(units, unit);
  return { first, count: lowerBound(units, unit + 1) - first };
}

function lowerBound(sorted: Uint32Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
