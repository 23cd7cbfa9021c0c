import { describe, expect, test } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { labelsOf } from '../../src/cluster/labels.ts';
import { linkage } from '../../src/cluster/linkage.ts';
import type { Condensed } from '../../src/embed/condensed.ts';
import { cosineDistances } from '../../src/embed/distances.ts';
import { type AutoFeatures, autoFeatures } from '../../src/features/auto.ts';
import { significance } from '../../src/features/significance.ts';
import { stability } from '../../src/features/stability.ts';
import { featureNumbers } from '../../src/polysemy/feature-numbers.ts';

const WIDTH = 24;

/** Clusters of these sizes in random order, as n × 24 rows, with what each row belongs to. */
function clusters(sizes: readonly number[], noise: number, seed: number) {
  const random = createRandom(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  const members = sizes.flatMap((size, c) => Array.from({ length: size }, () => c));
  const truth = Int32Array.from(random.shuffle(members));
  const centres = Float64Array.from({ length: sizes.length * WIDTH }, normal);
  const rows = new Float32Array(truth.length * WIDTH);
  truth.forEach((c, i) => {
    for (let k = 0; k < WIDTH; k++) rows[i * WIDTH + k] = centres[c * WIDTH + k]! + noise * normal();
  });
  return { rows, truth, count: truth.length };
}

function split(rows: Float32Array, count: number): AutoFeatures {
  const distances = cosineDistances({ rows, count });
  return autoFeatures({ tree: linkage({ distances, count, method: 'average' }), distances });
}

const SIZES = [[20, 20, 20, 1, 1], [32, 32], [5, 50], [12, 11, 10, 9, 8], [40]];

describe('features by the silhouette rule', () => {
  test.each(SIZES.map((sizes, seed) => ({ sizes, seed })))(
    'the order of $sizes examples changes nothing',
    ({ sizes, seed }) => {
      const { rows, count } = clusters(sizes, 0.5, seed);
      const first = split(rows, count);
      const order = createRandom(seed, 1).shuffle(Int32Array.from({ length: count }, (_, i) => i));
      const moved = new Float32Array(rows.length);
      order.forEach((from, to) => {
        moved.set(rows.subarray(from * WIDTH, (from + 1) * WIDTH), to * WIDTH);
      });
      const second = split(moved, count);
      expect(second.count).toBe(first.count);
      expect(second.separation).toBeCloseTo(first.separation!, 12);
      expect([...second.labels]).toEqual([...labelsOf(order.map((i) => first.labels[i]!))]);
      expect([...second.stray]).toEqual([...order].map((i) => first.stray[i]!));
    },
  );

  test.each([0.25, 1024])('inputs %d times as long change nothing, to the bit', (factor) => {
    const { rows, count } = clusters([20, 20, 20, 1], 0.5, 3);
    expect(
      split(
        rows.map((value) => value * factor),
        count,
      ),
    ).toEqual(split(rows, count));
  });

  test('clusters of known members are found, and single examples given to the nearest', () => {
    const { rows, truth, count } = clusters([20, 20, 20, 1, 1], 0.4, 8);
    const { labels, stray, count: features } = split(rows, count);
    expect(features).toBe(3);
    const kept = [...truth.keys()].filter((i) => truth[i]! < 3);
    expect([...labelsOf(Int32Array.from(kept, (i) => labels[i]!))]).toEqual([
      ...labelsOf(Int32Array.from(kept, (i) => truth[i]!)),
    ]);
    expect([...stray.keys()].filter((i) => stray[i] === 1)).toEqual(
      [...truth.keys()].filter((i) => truth[i]! >= 3),
    );
  });

  test('the bound decides between several and one; the silhouette is kept', () => {
    const { rows, count } = clusters([32, 32], 0.7, 1);
    const distances = cosineDistances({ rows, count });
    const tree = linkage({ distances, count, method: 'average' });
    const { separation } = autoFeatures({ tree, distances });
    expect(autoFeatures({ tree, distances, bound: separation! }).count).toBe(2);
    const one = autoFeatures({ tree, distances, bound: separation! + 1e-6 });
    expect(one).toEqual({
      labels: new Int32Array(count),
      count: 1,
      separation,
      stray: new Uint8Array(count),
    });
  });

  test.each([0, 1, 7])('%d examples are not split', (count) => {
    const { rows } = clusters([count], 1, 1);
    expect(split(rows, count)).toMatchObject({ count: Math.min(count, 1), separation: null });
  });

  test('constant inputs are one feature with silhouette 0, or none; 1,000 examples too', () => {
    const rows = new Float32Array(1000 * WIDTH).fill(0.5);
    const { count, labels, stray } = split(rows, 1000);
    expect(count).toBe(1);
    expect(labels.every((label) => label === 0)).toBe(true);
    expect(stray.every((one) => one === 0)).toBe(true);
    expect(split(new Float32Array(64 * WIDTH), 64).count).toBe(1);
  });

  test('two things each seen many times over are two features', () => {
    const rows = Float32Array.from({ length: 20 * WIDTH }, (_, i) =>
      Math.floor(i / WIDTH) % 2 === i % 2 ? 1 : 0,
    );
    const { count, separation } = split(rows, 20);
    expect(count).toBe(2);
    expect(separation).toBe(1);
  });
});

const labelsAlone = (distances: Condensed, count: number) =>
  autoFeatures({ tree: linkage({ distances, count, method: 'average' }), distances }).labels;

test('features far apart are stable, and the same seed gives the same', () => {
  const { rows, count } = clusters([30, 30], 0.3, 4);
  const distances = cosineDistances({ rows, count });
  const labels = labelsAlone(distances, count);
  const found = stability({ distances, labels, split: labelsAlone, seed: 2 });
  expect(found).toEqual([1, 1]);
  expect(stability({ distances, labels, split: labelsAlone, seed: 2 })).toEqual(found);
  // A feature of one example is missing from about half of the subsamples.
  const single = Int32Array.from({ length: count }, (_, i) => (i === 0 ? 0 : 1));
  const all = () => new Int32Array(count / 2);
  const [first, second] = stability({ distances, labels: single, split: all });
  expect(first).toBeCloseTo(1 / 30, 12);
  expect(second).toBeGreaterThan(29 / 30);
});

test('two clusters stand out from one cloud of their covariance, one cloud does not', () => {
  const two = clusters([32, 32], 0.5, 5);
  const one = clusters([64], 0.7, 5);
  const of = ({ rows, count }: typeof two) =>
    significance({ distances: cosineDistances({ rows, count }), count })!;
  const found = of(two);
  expect(found.z).toBeGreaterThan(3);
  expect(found.twoClusterP).toBe(1 / 40);
  expect(of(two)).toEqual(found);
  expect(of(one).z).toBeLessThan(3);
  expect(of(one).twoClusterP).toBeGreaterThan(0.05);
});

test('examples that do not differ, or are one, have no significance', () => {
  const rows = new Float32Array(10 * WIDTH).fill(1);
  expect(significance({ distances: cosineDistances({ rows, count: 10 }), count: 10 })).toBeNull();
  expect(significance({ distances: new Float32Array(0), count: 1 })).toBeNull();
});

test('numbers of features by hand', () => {
  const distances = Float64Array.of(0.2, 1, 0.8, 0.6, 0.4, 0.5);
  expect(featureNumbers({ distances, labels: Int32Array.of(0, 0, 1, 2) })).toEqual([
    { size: 2, tightness: 0.2, siblingDistance: (0.8 + 0.4) / 2, sibling: 2 },
    { size: 1, tightness: null, siblingDistance: 0.5, sibling: 2 },
    { size: 1, tightness: null, siblingDistance: 0.5, sibling: 1 },
  ]);
  expect(featureNumbers({ distances: new Float64Array(0), labels: Int32Array.of(0) })).toEqual([
    { size: 1, tightness: null, siblingDistance: null, sibling: null },
  ]);
});
