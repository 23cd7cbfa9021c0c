import { half, signed } from './floats.ts';

// Blocks of 32 values with one scale: the low halves of 16 bytes are the first 16 values, the high halves the others.

const VALUES = 32;

/** 4 bits: scale · (q − 8). */
export function q40(bytes: Uint8Array, out: Float32Array): void {
  for (let o = 0, at = 0; o < out.length; o += VALUES, at += 18) {
    const scale = half(bytes, at);
    for (let i = 0; i < 16; i++) {
      const q = bytes[at + 2 + i]!;
      out[o + i] = scale * ((q & 15) - 8);
      out[o + 16 + i] = scale * ((q >> 4) - 8);
    }
  }
}

/** 4 bits: scale · q + minimum. */
export function q41(bytes: Uint8Array, out: Float32Array): void {
  for (let o = 0, at = 0; o < out.length; o += VALUES, at += 20) {
    const scale = half(bytes, at);
    const least = half(bytes, at + 2);
    for (let i = 0; i < 16; i++) {
      const q = bytes[at + 4 + i]!;
      out[o + i] = scale * (q & 15) + least;
      out[o + 16 + i] = scale * (q >> 4) + least;
    }
  }
}

/** 5 bits, the fifth in a mask: scale · (q − 16). */
export function q50(bytes: Uint8Array, out: Float32Array): void {
  for (let o = 0, at = 0; o < out.length; o += VALUES, at += 22) {
    const scale = half(bytes, at);
    for (let i = 0; i < 16; i++) {
      const q = bytes[at + 6 + i]!;
      out[o + i] = scale * (((q & 15) | fifth(bytes, at + 2, i)) - 16);
      out[o + 16 + i] = scale * (((q >> 4) | fifth(bytes, at + 2, i + 16)) - 16);
    }
  }
}

/** 5 bits, the fifth in a mask: scale · q + minimum. */
export function q51(bytes: Uint8Array, out: Float32Array): void {
  for (let o = 0, at = 0; o < out.length; o += VALUES, at += 24) {
    const scale = half(bytes, at);
    const least = half(bytes, at + 2);
    for (let i = 0; i < 16; i++) {
      const q = bytes[at + 8 + i]!;
      out[o + i] = scale * ((q & 15) | fifth(bytes, at + 4, i)) + least;
      out[o + 16 + i] = scale * ((q >> 4) | fifth(bytes, at + 4, i + 16)) + least;
    }
  }
}

/** 8 bits, signed: scale · q. */
export function q80(bytes: Uint8Array, out: Float32Array): void {
  for (let o = 0, at = 0; o < out.length; o += VALUES, at += 34) {
    const scale = half(bytes, at);
    for (let i = 0; i < VALUES; i++) out[o + i] = scale * signed(bytes[at + 2 + i]!);
  }
}

/** What the 4 bits of an IQ4_NL value stand for. */
const LEVELS = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/** 4 bits that choose one of 16 levels: scale · level. */
export function iq4nl(bytes: Uint8Array, out: Float32Array): void {
  for (let o = 0, at = 0; o < out.length; o += VALUES, at += 18) {
    const scale = half(bytes, at);
    for (let i = 0; i < 16; i++) {
      const q = bytes[at + 2 + i]!;
      out[o + i] = scale * LEVELS[q & 15]!;
      out[o + 16 + i] = scale * LEVELS[q >> 4]!;
    }
  }
}

/** Bit `i` of the 32-bit mask at byte `at`, as 0 or 16. */
function fifth(bytes: Uint8Array, at: number, i: number): number {
  return ((bytes[at + (i >> 3)]! >> (i & 7)) & 1) << 4;
}
