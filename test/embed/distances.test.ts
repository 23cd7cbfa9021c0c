import { describe, expect, test } from 'vitest';
import { cosineDistances } from '../../src/embed/distances.ts';
import { meanCosineDistance } from '../../src/embed/mean-distance.ts';

function numbers(seed: number) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

function plain(rows: Float32Array, count: number): Float64Array {
  const d = rows.length / count;
  const distances: number[] = [];
  for (let i = 0; i < count; i++) {
    for (let j = i + 1; j < count; j++) {
      let [ab, aa, bb] = [0, 0, 0];
      for (let k = 0; k < d; k++) {
        const [a, b] = [rows[i * d + k]!, rows[j * d + k]!];
        ab += a * b;
        aa += a * a;
        bb += b * b;
      }
      distances.push(
        aa === 0 || bb === 0 ? 1 : Math.min(2, Math.max(0, 1 - ab / Math.sqrt(aa) / Math.sqrt(bb))),
      );
    }
  }
  return Float64Array.from(distances);
}

function largestDifference(found: Float32Array, expected: Float64Array): number {
  expect(found).toHaveLength(expected.length);
  return found.reduce((most, value, i) => {
    const difference = Math.abs(value - expected[i]!);
    return Number.isNaN(difference) ? Number.NaN : Math.max(most, difference);
  }, 0);
}

describe('cosineDistances', () => {
  test.each([0, 1, 2, 3, 5, 64, 130])('%d rows of odd widths, against double precision', (count) => {
    const next = numbers(count + 1);
    for (const d of [1, 2, 3, 4, 5, 7, 8, 13, 31, 64, 127, 128, 129, 131, 257]) {
      const rows = Float32Array.from({ length: count * d }, next);
      expect(
        largestDifference(cosineDistances({ rows, count }), plain(rows, count)),
        `d = ${d}`,
      ).toBeLessThan(5e-7);
    }
  });

  test('random shapes', () => {
    const next = numbers(77);
    for (let round = 0; round < 60; round++) {
      const count = Math.floor(20 * Math.abs(next())) + 2;
      const d = Math.floor(700 * Math.abs(next())) + 1;
      const rows = Float32Array.from({ length: count * d }, () => next() * 10 ** (6 * next()));
      const found = cosineDistances({ rows, count });
      expect(largestDifference(found, plain(rows, count)), `${count} × ${d}`).toBeLessThan(1e-6);
    }
  });

  test.each([4095, 4096, 20_001])('keeps within 2e-6 at width %d where all terms round the same way', (d) => {
    const next = numbers(d);
    const rows = Float32Array.from({ length: 7 * d }, (_, i) => 1 + (i < d ? 0 : 0.3 * next()));
    expect(largestDifference(cosineDistances({ rows, count: 7 }), plain(rows, 7))).toBeLessThan(2e-6);
  });

  test('goes over many tiles and strips', () => {
    const next = numbers(5);
    // 255 rows a tile, 4 tiles; and strips of three rows, 16 MiB together.
    for (const [count, d] of [
      [700, 9],
      [8, 700_001],
    ] as const) {
      const rows = Float32Array.from({ length: count * d }, next);
      expect(largestDifference(cosineDistances({ rows, count }), plain(rows, count))).toBeLessThan(1e-6);
    }
  });

  test('gives a pair the same distance wherever its rows stand', () => {
    const next = numbers(11);
    const [count, d] = [40, 100];
    const rows = Float32Array.from({ length: count * d }, next);
    const reversed = new Float32Array(rows.length);
    for (let row = 0; row < count; row++) {
      reversed.set(rows.subarray(row * d, (row + 1) * d), (count - 1 - row) * d);
    }
    const found = cosineDistances({ rows, count });
    const mirrored = cosineDistances({ rows: reversed, count });
    const at = (i: number, j: number) => count * i - (i * (i + 1)) / 2 + j - i - 1;
    for (let i = 0; i < count; i++) {
      for (let j = i + 1; j < count; j++) {
        expect(mirrored[at(count - 1 - j, count - 1 - i)]).toBe(found[at(i, j)]);
      }
    }
  });

  test('a zero row is at distance 1 from every other, zero rows too', () => {
    const rows = Float32Array.of(0, -0, 0, 1, 2, 3, 0, 0, 0, -1, -2, -3);
    expect([...cosineDistances({ rows, count: 4 })]).toEqual([1, 1, 1, 1, 2, 1]);
  });

  test('bitwise-equal rows are at distance exactly 0', () => {
    const next = numbers(21);
    const [count, d] = [90, 37];
    const rows = Float32Array.from({ length: count * d }, next);
    for (let row = 0; row < count; row += 3) rows.copyWithin(row * d, 0, d);
    const found = cosineDistances({ rows, count });
    let pair = 0;
    for (let i = 0; i < count; i++) {
      for (let j = i + 1; j < count; j++, pair++) {
        if (i % 3 === 0 && j % 3 === 0) expect(found[pair]).toBe(0);
        else expect(found[pair]).toBeGreaterThan(0.1);
      }
    }
    expect(largestDifference(found, plain(rows, count))).toBeLessThan(5e-7);
  });

  test('magnitudes do not matter', () => {
    const next = numbers(31);
    const [count, d] = [6, 50];
    const scales = [1e30, 1e-30, 1, 3e38, 1e-38, 1e-44];
    const rows = Float32Array.from({ length: count * d }, (_, i) => next() * scales[Math.floor(i / d)]!);
    expect(largestDifference(cosineDistances({ rows, count }), plain(rows, count))).toBeLessThan(5e-7);
  });

  test('opposite rows are at distance 2, never above', () => {
    const next = numbers(41);
    const row = Float32Array.from({ length: 333 }, next);
    const rows = new Float32Array(666);
    rows.set(row);
    rows.set(
      row.map((value) => -value * 2),
      333,
    );
    const [distance] = cosineDistances({ rows, count: 2 });
    expect(distance).toBeLessThanOrEqual(2);
    expect(distance).toBeGreaterThan(2 - 1e-6);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    '%d is an error that names the row',
    (bad) => {
      for (const at of [0, 5, 6]) {
        const rows = new Float32Array(70).fill(1);
        rows[4 * 7 + at] = bad;
        expect(() => cosineDistances({ rows, count: 10 })).toThrow(
          'row 4 of rows holds a NaN or an infinite value',
        );
        expect(() => meanCosineDistance({ rows, count: 10 })).toThrow('row 4 of rows');
      }
    },
  );

  test('names the argument and its size', () => {
    const rows = new Float32Array(10);
    expect(() => cosineDistances({ rows, count: 3 })).toThrow('rows holds 10 values, which cannot be 3 rows');
    expect(() => cosineDistances({ rows, count: 0 })).toThrow('rows holds 10 values');
    expect(() => cosineDistances({ rows, count: -1 })).toThrow('not -1');
    expect(() => cosineDistances({ rows, count: 2.5 })).toThrow('not 2.5');
    expect(() => cosineDistances({ rows: new Float32Array(0), count: 3 })).toThrow('rows holds 0 values');
  });
});

describe('meanCosineDistance', () => {
  test('equals the mean over the pairs, zero rows and duplicates included', () => {
    const next = numbers(51);
    for (const [count, d] of [
      [2, 5],
      [3, 17],
      [64, 96],
      [200, 30],
    ] as const) {
      const rows = Float32Array.from({ length: count * d }, () => next() + 0.2);
      if (count > 3) {
        rows.fill(0, 2 * d, 4 * d);
        rows.copyWithin(7 * d, 5 * d, 6 * d);
      }
      const pairs = plain(rows, count);
      const mean = pairs.reduce((sum, value) => sum + value, 0) / pairs.length;
      expect(meanCosineDistance({ rows, count })).toBeCloseTo(mean, 12);
      const kernel = cosineDistances({ rows, count }).reduce((sum, value) => sum + value, 0) / pairs.length;
      expect(Math.abs(kernel - mean)).toBeLessThan(2e-7);
    }
  });
  test('is null for fewer than two rows', () => {
    expect(meanCosineDistance({ rows: new Float32Array(0), count: 0 })).toBeNull();
    expect(meanCosineDistance({ rows: Float32Array.of(1, 2), count: 1 })).toBeNull();
  });
});
