import { PolysemeError } from '../errors.ts';

/** Value of every IEEE half-precision bit pattern. */
export const HALF_VALUES = Float32Array.from({ length: 65536 }, (_, bits) => {
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
    for (const end = i + width; i < end; i++) values[i] = HALF_VALUES[halves[i]!]! * scale;
  }
  return values;
}

/** The largest half-precision number. */
const MOST = 65504;

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/**
 * 32-bit floats as IEEE half precision, to nearest, ties to even.
 * @throws PolysemeError for a value beyond ±65504 (or not finite)
 */
export function toHalves(values: Float32Array): Uint16Array {
  const out = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const size = Math.abs(value);
    if (!(size <= MOST)) {
      throw new PolysemeError(
        `an activation is ${value}, beyond half precision's ±${MOST}: cache with option dtype f32`,
      );
    }
    float[0] = value;
    const sign = (bits[0]! >>> 16) & 0x8000;
    if (size < 2 ** -14) {
      // Subnormal: multiples of 2^-24.
      out[i] = sign | roundEven(size * 2 ** 24);
      continue;
    }
    const whole = bits[0]! & 0x7fffffff;
    const odd = (whole >>> 13) & 1;
    out[i] = sign | (((whole - (112 << 23) + 0xfff + odd) >>> 13) & 0x7fff);
  }
  return out;
}

function roundEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
}
