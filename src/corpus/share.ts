import type { Random } from '../base/random.ts';

/**
 * `count` of the numbers 0 … n − 1, ascending, at even distances from a random start (systematic sampling);
 * all of them where count ≥ n.
 */
export function spread(count: number, n: number, random: Random): Int32Array {
  if (count >= n) return Int32Array.from({ length: n }, (_, i) => i);
  const offset = random.next();
  // The steps are longer than one, so that no number comes twice.
  return Int32Array.from({ length: count }, (_, i) =>
    Math.min(n - 1, Math.floor(((i + offset) * n) / count)),
  );
}

/**
 * Shares `total` out over documents that can give `available[i]` each: everyone gives the same number, those who
 * have less give all they have, and what is missing is asked of the others again. A remainder smaller than the number
 * of those who could give one more goes to as many of them, chosen by the generator.
 * The shares sum to min(total, sum of available).
 */
export function shares(available: Int32Array, total: number, random: Random): Int32Array {
  const level = shareLevel(available, total);
  const out = available.map((windows) => Math.min(windows, level));
  let rest = total;
  for (const share of out) rest -= share;
  const more = [...available.keys()].filter((i) => available[i]! > level);
  for (const at of spread(rest, more.length, random)) out[more[at]!]!++;
  return out;
}

/** The largest share L with Σ min(available, L) ≤ total. */
function shareLevel(available: Int32Array, total: number): number {
  const sum = (level: number) => {
    let given = 0;
    for (const windows of available) given += Math.min(windows, level);
    return given;
  };
  let largest = 0;
  for (const windows of available) largest = Math.max(largest, windows);
  let [low, high] = [0, largest + 1];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (sum(middle) <= total) low = middle;
    else high = middle;
  }
  return low;
}
