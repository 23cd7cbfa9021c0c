import { PolysemeError } from '../../errors.ts';

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
        `an activation is ${value}, beyond half precision's ±${MOST}: cache with --dtype f32`,
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
