import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { medianInterval, quantilesOf } from '../../src/compare/bootstrap.ts';

describe('quantilesOf', () => {
  it("interpolates as NumPy's default does", () => {
    // numpy.quantile([1, 2, 4, 8], [0.25, 0.5, 0.75]) = [1.75, 3, 5]
    expect(quantilesOf(Float64Array.of(1, 2, 4, 8))).toEqual({
      count: 4,
      min: 1,
      q1: 1.75,
      median: 3,
      q3: 5,
      max: 8,
      mean: 3.75,
    });
    expect(quantilesOf(Float64Array.of(7))).toMatchObject({
      count: 1,
      min: 7,
      q1: 7,
      median: 7,
      max: 7,
      mean: 7,
    });
    expect(quantilesOf(new Float64Array(0))).toMatchObject({ count: 0, median: null, mean: null });
  });
});

describe('medianInterval', () => {
  it.each([5, 6, 51, 200])('of %i numbers equals that of drawn resamples', (n) => {
    const random = createRandom(n);
    const values = Float64Array.from({ length: n }, () => random.next() ** 3).sort();
    const medians = Float64Array.from({ length: 40_000 }, () => {
      const drawn = Float64Array.from({ length: n }, () => values[random.integer(n)]!).sort();
      return (drawn[Math.floor((n - 1) / 2)]! + drawn[Math.floor(n / 2)]!) / 2;
    }).sort();
    const [low, high] = medianInterval(values, 2000, createRandom(0))!;
    // The ends, as shares of the drawn medians below them, within the error of 2,000 resamples and the steps between them.
    const below = (x: number): number => medians.filter((m) => m < x).length / medians.length;
    const upTo = (x: number): number => medians.filter((m) => m <= x).length / medians.length;
    expect(below(low)).toBeLessThan(0.025 + 0.012);
    expect(upTo(low)).toBeGreaterThan(0.025 - 0.012);
    expect(below(high)).toBeLessThan(0.975 + 0.012);
    expect(upTo(high)).toBeGreaterThan(0.975 - 0.012);
  });

  it('is the same for the same numbers, and null where there are fewer than two', () => {
    const values = Float64Array.from({ length: 100 }, (_, i) => i);
    const interval = (numbers: Float64Array) => medianInterval(numbers, 2000, createRandom(0));
    expect(interval(values)).toEqual(interval(values));
    expect(interval(values.slice().reverse())).toEqual(interval(values));
    expect(interval(Float64Array.of(1))).toBeNull();
    expect(interval(Float64Array.of(2, 2))).toEqual([2, 2]);
  });
});
