import { HALF_VALUES } from '../half.ts';

/**
 * Unpacks rows stored in half precision with one scale a row: value = half · scale, exact in float32.
 * @param halves n×width bit patterns; `scales` n
 */
export function unpackRows(halves: Uint16Array, scales: Float32Array, width: number): Float32Array {
  const values = new Float32Array(halves.length);
  for (let row = 0, i = 0; row < scales.length; row++) {
    const scale = scales[row]!;
    for (const end = i + width; i < end; i++) values[i] = HALF_VALUES[halves[i]!]! * scale;
  }
  return values;
}
