import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { cutTree } from '../../src/cluster/cut.ts';
import { linkage } from '../../src/cluster/linkage.ts';
import { besideOf, meanBetween, mergeHeight, ownWords, splitHeight } from '../../web/src/unit/beside.ts';

const COUNT = 24;
const random = createRandom(5);
const distances = Float32Array.from({ length: (COUNT * (COUNT - 1)) / 2 }, () => random.next());
const tree = linkage({ distances, count: COUNT });
const labels = cutTree(tree, { clusters: 4 });
const clusters = [0, 1, 2, 3].map((label) => [...labels.keys()].filter((i) => labels[i] === label));
/** Whether these are one cluster at a threshold. */
const together = (members: readonly number[], threshold: number): boolean => {
  const cut = cutTree(tree, { distance: threshold });
  return new Set(members.map((member) => cut[member])).size === 1;
};

describe('features side by side', () => {
  it('the mean distance is over all pairs, in whatever order', () => {
    const full = (i: number, j: number): number => {
      let at = 0;
      for (let a = 0; a < COUNT; a++) {
        for (let b = a + 1; b < COUNT; b++, at++)
          if ((a === i && b === j) || (a === j && b === i)) return distances[at]!;
      }
      return Number.NaN;
    };
    const [a, b] = [clusters[2]!, clusters[0]!];
    const pairs = a.flatMap((i) => b.map((j) => full(i, j)));
    const mean = pairs.reduce((sum, value) => sum + value, 0) / pairs.length;
    expect(meanBetween(Float64Array.from(distances), COUNT, a, b)).toBeCloseTo(mean, 12);
    expect(meanBetween(Float64Array.from(distances), COUNT, b, a)).toBeCloseTo(mean, 12);
  });

  it('a cut at the height where clusters meet merges them, and just below it does not', () => {
    for (const [i, a] of clusters.entries()) {
      for (const b of clusters.slice(i + 1)) {
        const height = mergeHeight(tree, [...a, ...b])!;
        expect(together([...a, ...b], height)).toBe(true);
        expect(together([...a, ...b], height * (1 - 1e-9))).toBe(false);
      }
    }
  });

  it('a cut where a cluster splits leaves it in two', () => {
    for (const members of clusters.filter(({ length }) => length > 1)) {
      const cut = cutTree(tree, { distance: splitHeight(tree, members)! });
      expect(new Set(members.map((member) => cut[member])).size).toBe(2);
    }
    expect(splitHeight(tree, [3])).toBe(null);
  });

  it('words of its own are those that no other has', () => {
    expect(ownWords(['a', 'b', 'c'], [['b'], ['d', 'c']])).toEqual(['a']);
  });

  it('an address names features that there are, four at most, each once', () => {
    expect(besideOf('2,0,9,2', 5)).toEqual([2, 0]);
    expect(besideOf('0,1,2,3,4', 9)).toEqual([0, 1, 2, 3]);
    expect(besideOf(undefined, 5)).toEqual([]);
  });
});
