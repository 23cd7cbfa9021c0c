/** Value of every IEEE half-precision bit pattern. */
const VALUES = Float32Array.from({ length: 65536 }, (_, bits) => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
});

/**
 * Unpacks rows stored in half precision with one scale a row: value = half · scale, exact in float32.
 * @param halves n×width bit patterns; `scales` n
 */
export function unpackRows(halves: Uint16Array, scales: Float32Array, width: number): Float32Array {
  const values = new Float32Array(halves.length);
  for (let row = 0, i = 0; row < scales.length; row++) {
    const scale = scales[row]!;
    for (const end = i + width; i < end; i++) values[i] = VALUES[halves[i]!]! * scale;
  }
  return values;
}
