import { type Condensed, rowStart } from './condensed.ts';

/** Eigenvalues below this share of the largest are rounding errors of the distances. */
export const NOISE = 1e-6;

/**
 * Inner products of unit rows by their cosine distances: 1 − D, count × count.
 * @param zero 1 for each row that is zero, whose product with itself is 0
 */
export function gramMatrix(distances: Condensed, zero: Uint8Array): Float64Array {
  const count = zero.length;
  const gram = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    gram[i * count + i] = 1 - zero[i]!;
    const start = rowStart(count, i);
    for (let j = i + 1; j < count; j++) {
      const product = 1 - distances[start + j]!;
      gram[i * count + j] = product;
      gram[j * count + i] = product;
    }
  }
  return gram;
}

/** The inner products of the rows less their mean. */
export function centredGram(gram: Float64Array, count: number): Float64Array {
  const means = new Float64Array(count);
  let mean = 0;
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < count; j++) means[i]! += gram[i * count + j]!;
    means[i]! /= count;
    mean += means[i]! / count;
  }
  const centred = gram.slice();
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < count; j++) centred[i * count + j]! += mean - means[i]! - means[j]!;
  }
  return centred;
}

/** Which rows are zero, by their distances: those at exactly 1 from every other; of one row nothing can be said. */
export function zeroRowsOf(distances: Condensed, count: number): Uint8Array {
  const zero = new Uint8Array(count).fill(count > 1 ? 1 : 0);
  for (let i = 0; i < count; i++) {
    const start = rowStart(count, i);
    for (let j = i + 1; j < count; j++) if (distances[start + j] !== 1) zero[i] = zero[j] = 0;
  }
  return zero;
}

/** The sign of the entry that is largest by size, the first of (nearly) equal ones. */
export function signOf(vector: Float64Array): number {
  let best = 0;
  for (const value of vector) if (Math.abs(value) > Math.abs(best) * (1 + 1e-6)) best = value;
  return best < 0 ? -1 : 1;
}
