import { half, signed } from './floats.ts';

// Blocks of 256 values: sub-blocks of 16 or 32 with a scale (and a minimum) of a few bits each, which one
// half-precision number a block multiplies.

const VALUES = 256;

/** 2 bits; 16 sub-blocks of 16 with 4-bit scale and minimum. */
export function k2(bytes: Uint8Array, out: Float32Array): void {
  for (let o = 0, at = 0; o < out.length; o += VALUES, at += 84) {
    const d = half(bytes, at + 80);
    const dMin = half(bytes, at + 82);
    for (let i = 0; i < VALUES; i++) {
      const packed = bytes[at + (i >> 4)]!;
      const q = (bytes[at + 16 + ((i >> 7) << 5) + (i & 31)]! >> (((i >> 5) & 3) << 1)) & 3;
      out[o + i] = d * (packed & 15) * q - dMin * (packed >> 4);
    }
  }
}

/** 3 bits, the third in a mask (clear: −4); 16 sub-blocks of 16 with 6-bit scales. */
export function k3(bytes: Uint8Array, out: Float32Array): void {
  const scales = new Float64Array(16);
  for (let o = 0, at = 0; o < out.length; o += VALUES, at += 110) {
    const d = half(bytes, at + 108);
    for (let j = 0; j < 16; j++) {
      const low = (bytes[at + 96 + (j & 7)]! >> (j < 8 ? 0 : 4)) & 15;
      const high = (bytes[at + 104 + (j & 3)]! >> ((j >> 2) << 1)) & 3;
      scales[j] = d * ((low | (high << 4)) - 32);
    }
    for (let i = 0; i < VALUES; i++) {
      const low = (bytes[at + 32 + ((i >> 7) << 5) + (i & 31)]! >> (((i >> 5) & 3) << 1)) & 3;
      const isHigh = (bytes[at + (i & 31)]! >> (i >> 5)) & 1;
      out[o + i] = scales[i >> 4]! * (low - (isHigh === 1 ? 0 : 4));
    }
  }
}

/** 4 bits; 8 sub-blocks of 32 with 6-bit scale and minimum. */
export function k4(bytes: Uint8Array, out: Float32Array): void {
  for (let o = 0, at = 0; o < out.length; o += VALUES, at += 144) {
    const d = half(bytes, at);
    const dMin = half(bytes, at + 2);
    for (let j = 0; j < 8; j++) {
      const scale = d * scaleOf(bytes, at + 4, j);
      const least = dMin * minimumOf(bytes, at + 4, j);
      const from = at + 16 + ((j >> 1) << 5);
      const shift = (j & 1) << 2;
      for (let i = 0; i < 32; i++) out[o + 32 * j + i] = scale * ((bytes[from + i]! >> shift) & 15) - least;
    }
  }
}

/** 5 bits, the fifth in a mask; 8 sub-blocks of 32 with 6-bit scale and minimum. */
export function k5(bytes: Uint8Array, out: Float32Array): void {
  for (let o = 0, at = 0; o < out.length; o += VALUES, at += 176) {
    const d = half(bytes, at);
    const dMin = half(bytes, at + 2);
    for (let j = 0; j < 8; j++) {
      const scale = d * scaleOf(bytes, at + 4, j);
      const least = dMin * minimumOf(bytes, at + 4, j);
      const from = at + 48 + ((j >> 1) << 5);
      const shift = (j & 1) << 2;
      for (let i = 0; i < 32; i++) {
        const q = ((bytes[from + i]! >> shift) & 15) | (((bytes[at + 16 + i]! >> j) & 1) << 4);
        out[o + 32 * j + i] = scale * q - least;
      }
    }
  }
}

/** 6 bits, two of them apart: scale · (q − 32); 16 sub-blocks of 16 with signed 8-bit scales. */
export function k6(bytes: Uint8Array, out: Float32Array): void {
  for (let o = 0, at = 0; o < out.length; o += VALUES, at += 210) {
    const d = half(bytes, at + 208);
    for (let i = 0; i < VALUES; i++) {
      const low = (bytes[at + ((i >> 7) << 6) + (i & 63)]! >> (((i >> 6) & 1) << 2)) & 15;
      const high = (bytes[at + 128 + ((i >> 7) << 5) + (i & 31)]! >> (((i >> 5) & 3) << 1)) & 3;
      out[o + i] = d * signed(bytes[at + 192 + (i >> 4)]!) * ((low | (high << 4)) - 32);
    }
  }
}

/** 6-bit scale of sub-block `j` of Q4_K and Q5_K, packed with the minimums into 12 bytes at `at`. */
function scaleOf(bytes: Uint8Array, at: number, j: number): number {
  if (j < 4) return bytes[at + j]! & 63;
  return (bytes[at + 4 + j]! & 15) | ((bytes[at + j - 4]! >> 6) << 4);
}

/** 6-bit minimum of sub-block `j`. */
function minimumOf(bytes: Uint8Array, at: number, j: number): number {
  if (j < 4) return bytes[at + 4 + j]! & 63;
  return (bytes[at + 4 + j]! >> 4) | ((bytes[at + j]! >> 6) << 4);
}
