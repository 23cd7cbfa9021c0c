import { expect, test } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { cosineDistances } from '../../src/embed/distances.ts';
import { certainty, certaintyOf } from '../../src/features/certainty.ts';
import { separationStanding, significance } from '../../src/features/significance.ts';

const WIDTH = 24;

/** So many examples of each group, around a direction of the group's own. */
function planted(sizes: readonly number[], noise: number) {
  const random = createRandom(4);
  const rows = sizes.flatMap((size, group) =>
    Array.from(
      { length: size * WIDTH },
      (_, i) => (i % WIDTH === group ? 1 : 0) + noise * (random.next() - 0.5),
    ),
  );
  const count = rows.length / WIDTH;
  const featureOf = Int32Array.from(sizes.flatMap((size, group) => Array(size).fill(group)));
  return { distances: cosineDistances({ rows: Float32Array.from(rows), count }), featureOf };
}

const OPTIONS = { rule: 'auto', linkage: 'average', threshold: 0.5, nullDistance: 0.5 } as const;

test('two clear features are far from one cloud, found again, and measured against unrelated inputs', () => {
  const unit = planted([24, 16], 0.4);
  const found = certaintyOf({ ...OPTIONS, ...unit });
  expect(found.z).toBe(significance({ distances: unit.distances, count: 40, seed: 0 })!.z);
  expect(found.z).toBeGreaterThan(3);
  expect(found.z).toBeCloseTo((found.separation! - found.nullMean!) / found.nullDeviation!, 10);
  expect(found.twoClusterP).toBe(1 / 40);
  expect(found.features.map(({ id, size, sibling }) => [id, size, sibling])).toEqual([
    [0, 24, 1],
    [1, 16, 0],
  ]);
  for (const feature of found.features) {
    expect(feature.stability).toBeGreaterThan(0.9);
    expect(feature.relativeTightness).toBe(feature.tightness! / 0.5);
    expect(feature.relativeSiblingDistance).toBe(feature.siblingDistance! / 0.5);
    expect(feature.tightness).toBeLessThan(feature.siblingDistance!);
  }
  expect(certainty.parse(JSON.parse(JSON.stringify(found)))).toEqual(found);
});

test('two halves of one cloud are not told apart, and not found again', () => {
  const { distances } = planted([40], 0.4);
  const featureOf = Int32Array.from({ length: 40 }, (_, i) => i % 2);
  const found = certaintyOf({ ...OPTIONS, distances, featureOf });
  expect(found.z).toBeLessThan(3);
  expect(found.features.every(({ stability }) => stability! < 0.7)).toBe(true);
});

test('features of a cut are looked for by the same cut', () => {
  const unit = planted([12, 12], 0.4);
  const cut = certaintyOf({ ...OPTIONS, ...unit, rule: 'cut', threshold: 0.5 });
  expect(cut.features.every(({ stability }) => stability! > 0.9)).toBe(true);
  const apart = certaintyOf({ ...OPTIONS, ...unit, rule: 'cut', threshold: 0 });
  expect(apart.features.every(({ stability }) => stability! < 0.5)).toBe(true);
});

test('none, one and equal examples have no numbers', () => {
  const none = certaintyOf({
    ...OPTIONS,
    nullDistance: null,
    distances: new Float32Array(0),
    featureOf: new Int32Array(0),
  });
  expect(none).toMatchObject({ examples: 0, z: null, separation: null, twoClusterIndex: null, features: [] });
  const one = certaintyOf({ ...OPTIONS, distances: new Float32Array(0), featureOf: new Int32Array(1) });
  expect(one.features).toEqual([
    {
      id: 0,
      size: 1,
      tightness: null,
      relativeTightness: null,
      siblingDistance: null,
      relativeSiblingDistance: null,
      sibling: null,
      stability: null,
    },
  ]);
  const equal = certaintyOf({
    ...OPTIONS,
    distances: new Float32Array((20 * 19) / 2),
    featureOf: new Int32Array(20),
  });
  expect(equal).toMatchObject({ z: null, nullMean: null, twoClusterP: null });
  expect(equal.features[0]).toMatchObject({ tightness: 0, sibling: null, stability: 1 });
});

test('the standing alone is what significance says of it', () => {
  const { distances } = planted([24, 16], 0.4);
  const { z, separation, nullSeparations } = significance({ distances, count: 40 })!;
  expect(separationStanding({ distances, count: 40 })).toEqual({ z, separation, nullSeparations });
});
