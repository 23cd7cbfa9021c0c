import { HALF_VALUES } from '../../base/half.ts';

// The product and the sum of a block's few-bit numbers and half-precision scales are exact in float64, so that storing
// them in a Float32Array rounds once, as the float32 arithmetic of the `gguf` package does.

export function f32(bytes: Uint8Array, out: Float32Array): void {
  new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(bytes);
}

export function f16(bytes: Uint8Array, out: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = half(bytes, 2 * i);
}

export function bf16(bytes: Uint8Array, out: Float32Array): void {
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < bits.length; i++) bits[i] = (bytes[2 * i]! << 16) | (bytes[2 * i + 1]! << 24);
}

/** The half-precision number at byte `at`, little-endian. */
export function half(bytes: Uint8Array, at: number): number {
  return HALF_VALUES[bytes[at]! | (bytes[at + 1]! << 8)]!;
}

/** A byte as a signed number. */
export function signed(byte: number): number {
  return (byte << 24) >> 24;
}
