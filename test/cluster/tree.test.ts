import { describe, expect, test } from 'vitest';
import { centralExamples } from '../../src/cluster/central.ts';
import { cutTree } from '../../src/cluster/cut.ts';
import { leafOrder } from '../../src/cluster/leaf-order.ts';
import { linkage } from '../../src/cluster/linkage.ts';
import { linkageMethods } from '../../src/cluster/linkage-methods.ts';
import { cosineDistances } from '../../src/embed/distances.ts';

function numbers(seed: number) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

function distancesOf(count: number, seed: number): Float32Array {
  const next = numbers(seed);
  const centres = Float32Array.from({ length: 5 * 12 }, next);
  const rows = Float32Array.from({ length: count * 12 }, (_, i) => {
    const centre = (Math.floor(i / 12) * 7) % 5;
    return centres[centre * 12 + (i % 12)]! + 0.4 * next();
  });
  return cosineDistances({ rows, count });
}

/** Nearest-neighbour chains exactly as SciPy's `nn_chain` writes them, on a square array. */
function plainLinkage(
  condensed: Float32Array,
  n: number,
  update: (a: number, b: number, na: number, nb: number) => number,
) {
  const d: number[][] = Array.from({ length: n }, () => new Array(n).fill(Number.POSITIVE_INFINITY));
  let pair = 0;
  for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) d[i]![j] = d[j]![i] = condensed[pair++]!;
  const size = new Array(n).fill(1);
  const heights: number[] = [];
  let chain: number[] = [];
  while (heights.length < n - 1) {
    if (chain.length === 0) chain = [size.findIndex((value) => value > 0)];
    for (;;) {
      const x = chain.at(-1)!;
      let y = chain.at(-2) ?? -1;
      let least = y < 0 ? Number.POSITIVE_INFINITY : d[x]![y]!;
      for (let i = 0; i < n; i++) {
        if (size[i] === 0 || i === x || d[x]![i]! >= least) continue;
        y = i;
        least = d[x]![i]!;
      }
      if (y === chain.at(-2)) break;
      chain.push(y);
    }
    const [low, high] = chain.splice(-2).sort((a, b) => a - b) as [number, number];
    heights.push(d[low]![high]!);
    for (let i = 0; i < n; i++) {
      if (i === low || i === high || size[i] === 0) continue;
      d[i]![high] = d[high]![i] = update(d[i]![low]!, d[i]![high]!, size[low], size[high]);
    }
    size[high] += size[low];
    size[low] = 0;
  }
  return heights.sort((a, b) => a - b);
}

describe('linkage', () => {
  test.each(linkageMethods)('%s: no or one point has no merges', (method) => {
    for (const count of [0, 1]) {
      const tree = linkage({ distances: new Float32Array(0), count, method });
      expect(tree).toEqual({ count, merges: new Float64Array(0) });
      expect(cutTree(tree, { distance: 0.5 })).toEqual(new Int32Array(count));
      expect(cutTree(tree, { clusters: 3 })).toEqual(new Int32Array(count));
      expect(leafOrder(tree)).toEqual(new Int32Array(count));
    }
  });

  test('is average by default', () => {
    const distances = distancesOf(20, 1);
    expect(linkage({ distances, count: 20 })).toEqual(linkage({ distances, count: 20, method: 'average' }));
  });

  test.each(linkageMethods)('%s: heights never fall, sizes add up', (method) => {
    const count = 150;
    const { merges } = linkage({ distances: distancesOf(count, 2), count, method });
    for (let row = 1; row < count - 1; row++) {
      expect(merges[4 * row + 2]).toBeGreaterThanOrEqual(merges[4 * row - 2]!);
      expect(merges[4 * row]).toBeLessThan(merges[4 * row + 1]!);
    }
    expect(merges.at(-1)).toBe(count);
  });

  test('a large tree, then a small one, equal the plain algorithm (the kernel keeps its memory)', () => {
    for (const count of [600, 40, 601, 8, 9]) {
      const distances = distancesOf(count, count);
      const heights = (method: 'average' | 'complete' | 'weighted') =>
        [...linkage({ distances, count, method }).merges].filter((_, i) => i % 4 === 2);
      expect(heights('average')).toEqual(
        plainLinkage(distances, count, (a, b, na, nb) => (na * a + nb * b) / (na + nb)),
      );
      expect(heights('complete')).toEqual(plainLinkage(distances, count, (a, b) => Math.max(a, b)));
      expect(heights('weighted')).toEqual(plainLinkage(distances, count, (a, b) => 0.5 * (a + b)));
    }
  });

  test('1,300 points with many ties equal the plain algorithm: places are moved together in quarters, then in halves', () => {
    const count = 1300;
    const distances = distancesOf(count, 9).map((distance) => Math.round(distance * 256) / 256);
    const { merges } = linkage({ distances, count, method: 'average' });
    expect([...merges].filter((_, i) => i % 4 === 2)).toEqual(
      plainLinkage(distances, count, (a, b, na, nb) => (na * a + nb * b) / (na + nb)),
    );
    expect(linkage({ distances: Float64Array.from(distances), count }).merges).toEqual(merges);
  });

  test('a large tree after a larger one: its memory is used again', () => {
    for (const count of [3100, 2950]) {
      const distances = distancesOf(count, count);
      const first = linkage({ distances, count });
      expect(linkage({ distances, count })).toEqual(first);
      expect(first.merges.at(-1)).toBe(count);
    }
  });

  test('single linkage cut at t: the connected components of the graph similarity ≥ 1 − t', () => {
    const count = 120;
    for (const seed of [3, 4, 5]) {
      const distances = distancesOf(count, seed);
      const tree = linkage({ distances, count, method: 'single' });
      for (const t of [0.05, 0.1, 0.2, 0.5, 0.9]) {
        const component = Int32Array.from({ length: count }, (_, i) => i);
        for (let changed = true; changed; ) {
          changed = false;
          let pair = 0;
          for (let i = 0; i < count; i++) {
            for (let j = i + 1; j < count; j++) {
              if (distances[pair++]! > t || component[i] === component[j]) continue;
              component[i] = component[j] = Math.min(component[i]!, component[j]!);
              changed = true;
            }
          }
        }
        const found = [...new Set(component)];
        expect([...cutTree(tree, { distance: t })]).toEqual(
          [...component].map((root) => found.indexOf(root)),
        );
      }
    }
  });

  test('names what is wrong', () => {
    const distances = Float32Array.of(0.1, 0.2, 0.3);
    expect(() => linkage({ distances, count: 4 })).toThrow(
      'distances holds 3 values, but 4 points have 6 pairs',
    );
    expect(() => linkage({ distances, count: -1 })).toThrow('not -1');
    expect(() => linkage({ distances, count: 3, method: 'ward' as 'single' })).toThrow(
      "unknown method 'ward'",
    );
    expect(() => linkage({ distances: Float32Array.of(0, Number.NaN, 1), count: 3 })).toThrow(
      'distance 1 of distances is NaN',
    );
    expect(() => linkage({ distances: Float32Array.of(0, 1, -1), count: 3 })).toThrow(
      'distance 2 of distances is -1',
    );
    expect(() => linkage({ distances: Float64Array.of(Infinity, 1, 1), count: 3 })).toThrow('is Infinity');
  });
});

describe('cutTree', () => {
  const tree = linkage({ distances: distancesOf(30, 6), count: 30 });

  test('a merge holds only with all below it', () => {
    // The first row is above the second: SciPy goes by the maximum over the subtree.
    const inverted = { count: 3, merges: Float64Array.of(0, 1, 0.6, 2, 2, 3, 0.4, 3) };
    expect([...cutTree(inverted, { distance: 0.5 })]).toEqual([0, 1, 2]);
    expect([...cutTree(inverted, { distance: 0.6 })]).toEqual([0, 0, 0]);
  });

  test('holds at the very distance of a merge', () => {
    const height = tree.merges[4 * 10 + 2]!;
    const clusters = (distance: number) => new Set(cutTree(tree, { distance })).size;
    expect(clusters(height)).toBe(30 - 11);
    expect(clusters(height - 1e-9)).toBe(30 - 10);
    expect(clusters(-1)).toBe(30);
    expect(clusters(Number.POSITIVE_INFINITY)).toBe(1);
  });

  test('names what is wrong', () => {
    expect(() => cutTree(tree, { clusters: 0 })).toThrow('not 0');
    expect(() => cutTree(tree, { clusters: 1.5 })).toThrow('not 1.5');
    expect(() => cutTree(tree, { distance: Number.NaN })).toThrow('not NaN');
    expect(() => cutTree({ count: 5, merges: tree.merges }, { clusters: 1 })).toThrow(
      'merges holds 116 values',
    );
    for (const row of [
      [0, 0, 1, 2],
      [0, 3, 1, 2],
      [0, 0.5, 1, 2],
      [-1, 1, 1, 2],
      [Number.NaN, 1, 1, 2],
    ]) {
      expect(() => cutTree({ count: 2, merges: Float64Array.from(row) }, { clusters: 1 })).toThrow(
        'row 0 of merges',
      );
    }
  });
});

describe('centralExamples', () => {
  test('is the example with the largest mean similarity to its feature', () => {
    const count = 60;
    const distances = distancesOf(count, 8);
    const labels = cutTree(linkage({ distances, count }), { clusters: 9 });
    const at = (i: number, j: number) => {
      const [a, b] = i < j ? [i, j] : [j, i];
      return distances[a * count - (a * (a + 1)) / 2 + b - a - 1]!;
    };
    const expected = Array.from({ length: 9 }, (_, label) => {
      const members = [...labels.keys()].filter((i) => labels[i] === label);
      const mean = (i: number) =>
        members.reduce((sum, j) => sum + (i === j ? 0 : 1 - at(i, j)), 0) / Math.max(1, members.length - 1);
      return members.reduce((best, i) => (mean(i) > mean(best) ? i : best));
    });
    expect([...centralExamples({ distances, labels })]).toEqual(expected);
  });
  test('the lowest of equals, and a single example itself', () => {
    const distances = Float32Array.of(0.25, 0.25, 1, 0.25, 1, 1);
    expect([...centralExamples({ distances, labels: Int32Array.of(0, 0, 0, 1) })]).toEqual([0, 3]);
    expect(centralExamples({ distances: new Float32Array(0), labels: new Int32Array(0) })).toHaveLength(0);
  });
  test('names what is wrong', () => {
    const distances = Float32Array.of(0.1, 0.2, 0.3);
    expect(() => centralExamples({ distances, labels: Int32Array.of(0, 1) })).toThrow(
      '2 points have 1 pairs',
    );
    expect(() => centralExamples({ distances, labels: Int32Array.of(0, 2, 2) })).toThrow('no label is 1');
    expect(() => centralExamples({ distances, labels: Int32Array.of(0, -1, 0) })).toThrow('label 1 is -1');
    expect(() => centralExamples({ distances, labels: Int32Array.of(0, 3, 0) })).toThrow('label 1 is 3');
  });
});
