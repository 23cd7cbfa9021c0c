import type { TapData } from './session.ts';

/** Largest ‖device − processor‖ / ‖processor‖ of a position's values of a tap that count as equal: float32 has 1e-6 to 1e-5. */
export const AGREEMENT = 1e-4;
/** Share of the positions that may differ more: where scores tie, a router or a top-k may take another one. */
const TIES = 0.01;

/**
 * In what two runs of one program over the same tokens differ, in words; null where they agree.
 *
 * @param tokens ids [batch, position]; where one is negative there is padding, whose values mean nothing
 */
export function disagreement(
  found: Readonly<Record<string, TapData>>,
  expected: Readonly<Record<string, TapData>>,
  tokens: Int32Array,
): string | null {
  for (const [tap, { data, shape }] of Object.entries(expected)) {
    const other = found[tap]?.data;
    if (other?.length !== data.length)
      return `${other?.length ?? 'no'} numbers of ${tap}, not ${data.length}`;
    const width = shape.at(-1)!;
    let [rows, odd, worst] = [0, 0, 0];
    for (let row = 0; row * width < data.length; row++) {
      if (tokens[row]! < 0) continue;
      const difference = relativeDifference(other, data, row * width, width);
      rows++;
      if (difference <= AGREEMENT) continue;
      odd++;
      worst = Number.isNaN(difference) ? difference : Math.max(worst, difference);
    }
    if (odd > TIES * rows) {
      return `${tap} differs at ${odd} of ${rows} positions, by up to ${worst.toPrecision(2)} of its length`;
    }
  }
  return null;
}

/** ‖a − b‖ / ‖b‖ of a row; of a row of zeros ‖a‖. */
function relativeDifference(a: Float32Array, b: Float32Array, from: number, width: number): number {
  let [difference, length] = [0, 0];
  for (let i = from; i < from + width; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    length += b[i]! ** 2;
  }
  return Math.sqrt(difference / (length === 0 ? 1 : length));
}
