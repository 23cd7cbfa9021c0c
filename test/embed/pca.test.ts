import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { symmetricEigen } from '../../src/embed/eigen.ts';
import { principalComponents } from '../../src/embed/pca.ts';

/** Eigenvalues (descending) and eigenvectors of a symmetric matrix by Jacobi's rotations, in double precision. */
function jacobi(matrix: number[][]): { value: number; vector: number[] }[] {
  const n = matrix.length;
  const a = matrix.map((row) => [...row]);
  const v = a.map((_, i) => a.map((_, j) => Number(i === j)));
  for (let sweep = 0; sweep < 60; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        if (Math.abs(a[p]![q]!) < 1e-300) continue;
        const theta = (a[q]![q]! - a[p]![p]!) / (2 * a[p]![q]!);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1);
        const s = t * c;
        for (let k = 0; k < n; k++) {
          const [x, y] = [a[k]![p]!, a[k]![q]!];
          a[k]![p] = c * x - s * y;
          a[k]![q] = s * x + c * y;
        }
        for (let k = 0; k < n; k++) {
          const [x, y] = [a[p]![k]!, a[q]![k]!];
          a[p]![k] = c * x - s * y;
          a[q]![k] = s * x + c * y;
          const [f, g] = [v[p]![k]!, v[q]![k]!];
          v[p]![k] = c * f - s * g;
          v[q]![k] = s * f + c * g;
        }
      }
    }
  }
  return a.map((row, i) => ({ value: row[i]!, vector: v[i]! })).sort((x, y) => y.value - x.value);
}

/** Principal components as the text books have them: eigenvectors of the covariance, in double precision. */
function plain(rows: Float32Array, count: number, components: number) {
  const d = rows.length / count;
  const units = Array.from({ length: count }, (_, i) => {
    const row = Array.from(rows.subarray(i * d, (i + 1) * d));
    const norm = Math.hypot(...row);
    return row.map((x) => (norm === 0 ? 0 : x / norm));
  });
  const mean = Array.from({ length: d }, (_, k) => units.reduce((sum, row) => sum + row[k]!, 0) / count);
  const centred = units.map((row) => row.map((x, k) => x - mean[k]!));
  const covariance = mean.map((_, j) =>
    mean.map((_, k) => centred.reduce((s, row) => s + row[j]! * row[k]!, 0)),
  );
  const eigen = jacobi(covariance);
  const total = eigen.reduce((sum, { value }) => sum + value, 0);
  const places = eigen.slice(0, components).map(({ vector }) => {
    const at = centred.map((row) => row.reduce((sum, x, k) => sum + x * vector[k]!, 0));
    const largest = at.reduce((best, x) => (Math.abs(x) > Math.abs(best) ? x : best), 0);
    return at.map((x) => (largest < 0 ? -x : x));
  });
  return { places, variance: eigen.slice(0, components).map(({ value }) => value / total) };
}

function randomRows(count: number, d: number, seed: number): Float32Array {
  const random = createRandom(seed);
  // Directions of unlike weight, so that components are distinct.
  return Float32Array.from({ length: count * d }, (_, i) => (random.next() - 0.3) / (1 + (i % d)) ** 0.7);
}

describe('principalComponents', () => {
  it.each([
    [1, 5],
    [2, 5],
    [3, 24],
    [40, 6],
    [64, 24],
    [400, 20],
  ])('%i × %i equals the covariance in double precision', (count, d) => {
    const rows = randomRows(count, d, count);
    if (count > 30) rows.fill(0, 7 * d, 8 * d);
    const components = 2;
    const { coordinates, variance } = principalComponents({ rows, count, components });
    const want = plain(rows, count, components);
    for (let k = 0; k < components; k++) {
      expect(Math.abs(variance[k]! - (want.variance[k]! || 0))).toBeLessThan(1e-5);
      for (let i = 0; i < count; i++) {
        const at = coordinates[i * components + k]!;
        const there = want.places[k]![i]!;
        // Of two points, the largest coordinate is a tie: either sign is right.
        const off = count === 2 ? Math.abs(Math.abs(at) - Math.abs(there)) : Math.abs(at - there);
        expect(off).toBeLessThan(2e-5);
      }
    }
  });

  it('finds components of equal variance among many rows', () => {
    // 300 rows along ± three axes: three equal variances.
    const rows = new Float32Array(300 * 5);
    for (let i = 0; i < 300; i++) rows[5 * i + (i % 3)] = i % 2 === 0 ? 1 : -1;
    const { variance, coordinates } = principalComponents({ rows, count: 300, components: 4 });
    for (const [k, share] of [1 / 3, 1 / 3, 1 / 3, 0].entries()) expect(variance[k]).toBeCloseTo(share, 5);
    for (let i = 0; i < 300; i++) {
      const squared = coordinates.subarray(4 * i, 4 * i + 4).reduce((sum, x) => sum + x * x, 0);
      expect(squared).toBeCloseTo(1, 4);
    }
  });

  it('converges for 600 rows whose spectrum is flat', () => {
    const count = 600;
    const random = createRandom(5);
    const rows = Float32Array.from({ length: count * 100 }, () => random.next() - 0.5);
    const { coordinates, variance } = principalComponents({ rows, count, components: 2 });
    // Power iteration in double precision, long enough.
    const want = leading(rows, count, 100);
    expect(Math.abs(variance[0]! - want.share)).toBeLessThan(1e-5);
    let dot = 0;
    for (let i = 0; i < count; i++) dot += coordinates[2 * i]! * want.vector[i]!;
    expect(Math.abs(dot) / Math.sqrt(want.value)).toBeGreaterThan(1 - 1e-5);
  });

  it('gives zeros where there is nothing to see', () => {
    const none = principalComponents({ rows: new Float32Array(0), count: 0, components: 2 });
    expect([...none.coordinates, ...none.variance]).toEqual([0, 0]);
    const equal = principalComponents({ rows: new Float32Array(30).fill(0.1), count: 10, components: 2 });
    expect([...equal.coordinates]).toEqual(Array(20).fill(0));
    expect([...equal.variance]).toEqual([0, 0]);
    expect(() => principalComponents({ rows: new Float32Array(3), count: 1, components: 0 })).toThrow(
      'not 0',
    );
  });

  it('decomposes a matrix so that it can be put together again', () => {
    const n = 30;
    const random = createRandom(9);
    const matrix = new Float64Array(n * n);
    for (let i = 0; i < n; i++)
      for (let j = 0; j <= i; j++) matrix[i * n + j] = matrix[j * n + i] = random.next() - 0.5;
    const { values, vectors } = symmetricEigen(matrix, n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let k = 0; k < n; k++) sum += values[k]! * vectors[k * n + i]! * vectors[k * n + j]!;
        expect(Math.abs(sum - matrix[i * n + j]!)).toBeLessThan(1e-12);
      }
    }
    expect([...values]).toEqual([...values].sort((a, b) => b - a));
  });
});

/** The first principal component by 3,000 power iterations on the centred unit rows. */
function leading(rows: Float32Array, count: number, d: number) {
  const units = Float64Array.from(rows);
  for (let i = 0; i < count; i++) {
    const norm = Math.hypot(...units.subarray(i * d, (i + 1) * d));
    for (let k = 0; k < d; k++) units[i * d + k]! /= norm;
  }
  for (let k = 0; k < d; k++) {
    let mean = 0;
    for (let i = 0; i < count; i++) mean += units[i * d + k]! / count;
    for (let i = 0; i < count; i++) units[i * d + k]! -= mean;
  }
  const total = units.reduce((sum, x) => sum + x * x, 0);
  const covariance = new Float64Array(d * d);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < d; j++)
      for (let k = 0; k < d; k++) covariance[j * d + k]! += units[i * d + j]! * units[i * d + k]!;
  }
  let direction = Float64Array.from({ length: d }, (_, k) => 1 + k / d);
  let value = 0;
  for (let step = 0; step < 3000; step++) {
    const next = new Float64Array(d);
    for (let j = 0; j < d; j++)
      for (let k = 0; k < d; k++) next[j]! += covariance[j * d + k]! * direction[k]!;
    value = Math.hypot(...next);
    direction = next.map((x) => x / value);
  }
  const vector = Float64Array.from({ length: count }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < d; k++) sum += units[i * d + k]! * direction[k]!;
    return sum / Math.sqrt(value);
  });
  return { value, vector, share: value / total };
}
