import { describe, expect, test } from 'vitest';
import { effectiveCount } from '../../src/polysemy/shares.ts';
import { twoClusterIndex } from '../../src/polysemy/two-means.ts';
import { relativeDistance, strayShare, verdict } from '../../src/polysemy/verdict.ts';

describe('the verdict', () => {
  const bounds = { separation: 0.5, scatter: 0.9 };
  test.each([
    [{ examples: 7, separation: 0.9, relativeDistance: 1 }, 'few'],
    [{ examples: 8, separation: 0.5, relativeDistance: 1 }, 'several'],
    [{ examples: 8, separation: 0.49, relativeDistance: 0.9 }, 'scatter'],
    [{ examples: 8, separation: 0.49, relativeDistance: 0.89 }, 'one'],
    [{ examples: 64, separation: null, relativeDistance: null }, 'one'],
  ] as const)('%j', (unit, expected) => {
    expect(verdict(unit, bounds)).toBe(expected);
  });
});

test('effective number of features', () => {
  expect(effectiveCount(new Int32Array(0))).toBeNull();
  expect(effectiveCount(Int32Array.of(0, 0, 0))).toBe(1);
  expect(effectiveCount(Int32Array.of(0, 1, 0, 1))).toBeCloseTo(2, 12);
  expect(effectiveCount(Int32Array.of(0, 1, 1, 1))).toBeCloseTo(4 / 3 ** 0.75, 12);
});

test('shares of strays and relative distances, and where there are none', () => {
  expect(strayShare(Uint8Array.of(0, 1, 0, 0))).toBe(0.25);
  expect(strayShare(new Uint8Array(0))).toBeNull();
  expect(relativeDistance(0.25, 0.5)).toBe(0.5);
  expect(relativeDistance(0.25, 0)).toBeNull();
  expect(relativeDistance(null, 0.5)).toBeNull();
  expect(relativeDistance(0.25, null)).toBeNull();
});

test('the two-cluster index by hand', () => {
  // Within the pairs 4 · 0.5²; about the mean, 3: 9 + 4 + 4 + 9.
  const points = Float64Array.of(0, 0, 1, 0, 5, 0, 6, 0);
  expect(twoClusterIndex(points, 4, 2)).toBeCloseTo(1 / 26, 12);
  expect(twoClusterIndex(new Float64Array(8).fill(3), 4, 2)).toBe(1);
});
