import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { centralExamples } from '../../src/cluster/central.ts';
import { cutTree } from '../../src/cluster/cut.ts';
import { linkage, singleLinkageOfRows } from '../../src/cluster/linkage.ts';
import { rowStart } from '../../src/embed/condensed.ts';
import { DistanceRows } from '../../src/embed/distance-rows.ts';
import { cosineDistances } from '../../src/embed/distances.ts';
import { splitUnit } from '../../src/features/split.ts';
import { splitLargeUnit } from '../../src/features/split-large.ts';
import { polysemy } from '../../src/polysemy/metrics.ts';
import { polysemyOfRows } from '../../src/polysemy/row-metrics.ts';

/** Rows around some centres, with equal ones, multiples and zeros among them. */
function rowsOf(count: number, width: number, seed = 1): Float32Array {
  const random = createRandom(seed);
  const centres = Float32Array.from({ length: 6 * width }, () => random.next() - 0.5);
  const rows = new Float32Array(count * width);
  for (let i = 0; i < count; i++) {
    const centre = random.integer(6);
    for (let k = 0; k < width; k++) {
      rows[i * width + k] = centres[centre * width + k]! + 0.3 * (random.next() - 0.5);
    }
  }
  rows.copyWithin(7 * width, 2 * width, 3 * width);
  rows.copyWithin(8 * width, 2 * width, 3 * width);
  rows.fill(0, 11 * width, 12 * width);
  return rows;
}

describe('distances a row at a time', () => {
  it.each([
    [1, 5],
    [2, 3],
    [31, 17],
    [300, 40],
  ])('of %i rows of %i are those held at once', (count, width) => {
    const rows = rowsOf(Math.max(count, 13), width).slice(0, count * width);
    const held = cosineDistances({ rows, count });
    const some = new DistanceRows(rows, count);
    for (let i = 0; i < count; i++) {
      const others = [i, (7 * i + 3) % count, (i * i) % count];
      expect(some.some(others)).toEqual(others.map((other) => some.row(other).slice()));
      const own = some.row(i);
      for (let j = 0; j < count; j++) {
        const [a, b] = [Math.min(i, j), Math.max(i, j)];
        expect(own[j]).toBe(i === j ? 0 : held[rowStart(count, a) + b]);
      }
    }
  });

  it('refuse what is not finite, by its row', () => {
    const rows = rowsOf(300, 8);
    rows[270 * 8 + 3] = Number.NaN;
    expect(() => new DistanceRows(rows, 300)).toThrow(/270/);
  });
});

describe('a unit of many examples', () => {
  const [count, width] = [400, 24];
  const rows = rowsOf(count, width, 3);
  const distances = cosineDistances({ rows, count });
  const tree = linkage({ distances, count, method: 'single' });

  it('has the same single-linkage tree, bit for bit', () => {
    expect(singleLinkageOfRows(new DistanceRows(rows, count))).toEqual(tree);
  });

  it('has the same tree where many distances are equal, and more rows wait than are kept', () => {
    const random = createRandom(2);
    const coarse = Float32Array.from({ length: 1500 * 3 }, () => random.integer(4) - 1);
    const held = linkage({
      distances: cosineDistances({ rows: coarse, count: 1500 }),
      count: 1500,
      method: 'single',
    });
    expect(singleLinkageOfRows(new DistanceRows(coarse, 1500))).toEqual(held);
  });

  it('has the same metrics and central examples', () => {
    for (const distance of [0.02, 0.2, 3]) {
      const labels = cutTree(tree, { distance });
      const found = polysemyOfRows(new DistanceRows(rows, count), labels);
      const held = polysemy({ distances, labels });
      for (const [name, value] of Object.entries(held)) {
        const own = found.metrics[name as keyof typeof held];
        if (value === null) expect(own, name).toBeNull();
        else expect(own, name).toBeCloseTo(value, 10);
      }
      expect(found.centrals).toEqual(centralExamples({ distances, labels }));
    }
  });

  it('is split as one of few, but for the silhouette rule', () => {
    const options = {
      inputs: rows,
      weights: new Float32Array(width).fill(1),
      linkage: 'single',
      threshold: 0.1,
    } as const;
    const [large, small] = [splitLargeUnit(options, 'cut'), splitUnit(options)];
    expect(large.tree).toEqual(small.tree);
    expect(large.labels).toEqual(small.labels);
    expect(large.centrals).toEqual(small.centrals);
    expect(large.judgement.separation).toBeNull();
    expect(large.judgement.featureCount).toBe(1);
  });

  it('needs single linkage and the cut', () => {
    const options = { inputs: rows, weights: new Float32Array(width).fill(1) };
    expect(() => splitLargeUnit({ ...options, linkage: 'average' }, 'cut')).toThrow(
      /a unit has 400 examples: above 11585 only option linkage single with option features cut/,
    );
    expect(() => splitLargeUnit({ ...options, linkage: 'single' }, 'auto')).toThrow(/option features cut/);
  });
});
