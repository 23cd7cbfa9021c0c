import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { adjusted, meanInterval, testLabels } from '../../src/explain/statistics.ts';

/** Products of all pairs of vectors. */
function gramOf(vectors: readonly (readonly number[])[]): Float64Array {
  return Float64Array.from(
    vectors.flatMap((a) => vectors.map((b) => a.reduce((sum, x, k) => sum + x * b[k]!, 0))),
  );
}

describe('permutation of labels', () => {
  const random = createRandom(5);
  const noise = () => random.next() - 0.5;
  const labels = Int32Array.from({ length: 30 }, (_, i) => i % 3);

  it('finds the label whose vectors differ, and the one whose sizes do', () => {
    const vectors = Array.from(labels, (label) => [noise() + (label === 1 ? 3 : 0), noise(), noise()]);
    const sizes = Array.from(labels, (label) => noise() + (label === 2 ? 3 : 0));
    const { p, pSize, shuffled } = testLabels(gramOf(vectors), sizes, labels, 3, 1);
    expect(p[1]).toBe(1 / 2001);
    expect(pSize[2]).toBe(1 / 2001);
    for (const [low, high] of shuffled) expect(low).toBeLessThan(high);
  });

  it('finds a difference between labels that mean nothing as rarely as it says', () => {
    let found = 0;
    const rounds = 60;
    for (let round = 0; round < rounds; round++) {
      const vectors = Array.from(labels.subarray(0, 18), () => [noise(), noise()]);
      const sizes = vectors.map(() => noise());
      const { p } = testLabels(gramOf(vectors), sizes, labels.subarray(0, 18), 3, round);
      if (p[0]! <= 0.1) found++;
    }
    // Binomial of 60 at 0.1: more than 14 has a chance of 0.0004.
    expect(found).toBeLessThanOrEqual(14);
  });

  it('takes equal items for equal', () => {
    const vectors = Array.from({ length: 6 }, () => [1, 2]);
    const sizes = Array<number>(6).fill(0.5);
    const { p, pSize } = testLabels(gramOf(vectors), sizes, Int32Array.of(0, 0, 0, 1, 1, 1), 2, 1);
    expect([...p, ...pSize]).toEqual([1, 1, 1, 1]);
  });
});

it('Benjamini and Hochberg’s correction is that of R’s p.adjust', () => {
  // p.adjust(c(0.01, 0.02, 0.03, 0.5, 0.001), "BH")
  const found = adjusted([0.01, 0.02, 0.03, 0.5, 0.001]);
  [0.025, 0.0333333333, 0.0375, 0.5, 0.005].forEach((p, i) => {
    expect(found[i]).toBeCloseTo(p, 9);
  });
  expect(adjusted([])).toEqual([]);
});

it('the interval of a mean covers it about as often as it says', () => {
  const random = createRandom(9);
  let covered = 0;
  for (let round = 0; round < 200; round++) {
    const values = Array.from({ length: 40 }, () => random.next());
    const [low, high] = meanInterval(values, round)!;
    if (low <= 0.5 && 0.5 <= high) covered++;
  }
  expect(covered).toBeGreaterThan(175);
  expect(meanInterval([1], 0)).toBeNull();
});
