import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { linkage } from '../../src/cluster/linkage.ts';
import type { Condensed } from '../../src/embed/condensed.ts';
import { cosineDistances } from '../../src/embed/distances.ts';
import { nullDistance } from '../../src/embed/null-distance.ts';
import { autoFeatures, bestSplit } from '../../src/features/auto.ts';
import { significance } from '../../src/features/significance.ts';
import { stability } from '../../src/features/stability.ts';
import { type FeatureNumbers, featureNumbers } from '../../src/polysemy/feature-numbers.ts';

interface Case {
  name: string;
  count: number;
  rows: string;
  split: { labels: number[]; separation: number; stray: number[] } | null;
  labels: number[];
  features: FeatureNumbers[];
  stability: number[];
  significance: {
    separation: number;
    z: number;
    nullSeparations: number[];
    twoClusterIndex: number;
    twoClusterP: number;
  } | null;
}

// Made by test/fixtures/features/make.py with scikit-learn and NumPy. Our distances are exact to 2e-6.
const golden = JSON.parse(
  gunzipSync(readFileSync(new URL('../fixtures/features/golden.json.gz', import.meta.url))).toString(),
) as {
  stream: number[];
  cases: Case[];
  null: { rows: string; median: number; firstTwenty: number };
};

const floats = (text: string) => new Float32Array(new Uint8Array(Buffer.from(text, 'base64')).buffer);

const auto = (distances: Condensed, count: number) =>
  autoFeatures({ tree: linkage({ distances, count, method: 'average' }), distances }).labels;

describe.each(golden.cases)('scikit-learn and NumPy: $name', (one) => {
  const { count } = one;
  const distances = cosineDistances({ rows: floats(one.rows), count });
  const tree = linkage({ distances, count, method: 'average' });

  test('the best split, its silhouette and strays', () => {
    const split = bestSplit({ tree, distances })!;
    expect([...split.labels]).toEqual(one.split!.labels);
    expect([...split.stray]).toEqual(one.split!.stray);
    expect(split.separation).toBeCloseTo(one.split!.separation, 5);
    expect([...autoFeatures({ tree, distances }).labels]).toEqual(one.labels);
  });

  test('numbers of each feature', () => {
    const found = featureNumbers({ distances, labels: Int32Array.from(one.labels) });
    expect(found.length).toBe(one.features.length);
    found.forEach((feature, i) => {
      const { size, sibling, tightness, siblingDistance } = one.features[i]!;
      expect(feature).toMatchObject({ size, sibling });
      expect(feature.tightness ?? -1).toBeCloseTo(tightness ?? -1, 5);
      expect(feature.siblingDistance ?? -1).toBeCloseTo(siblingDistance ?? -1, 5);
    });
  });

  test('stability', () => {
    const found = stability({ distances, labels: Int32Array.from(one.labels), split: auto, seed: 11 });
    expect(found.length).toBe(one.stability.length);
    found.forEach((value, i) => {
      expect(value).toBeCloseTo(one.stability[i]!, 12);
    });
  });
});

describe.each(golden.cases.filter((one) => one.significance !== null))('NumPy: $name', (one) => {
  test('significance', () => {
    const { count } = one;
    const distances = cosineDistances({ rows: floats(one.rows), count });
    const found = significance({ distances, count, seed: 7 })!;
    expect(found.separation).toBeCloseTo(one.significance!.separation, 5);
    found.nullSeparations.forEach((value, i) => {
      expect(value).toBeCloseTo(one.significance!.nullSeparations[i]!, 4);
    });
    expect(found.z).toBeCloseTo(one.significance!.z, 2);
    expect(found.twoClusterIndex).toBeCloseTo(one.significance!.twoClusterIndex, 5);
    expect(found.twoClusterP).toBe(one.significance!.twoClusterP);
  });
});

test('the stream of random numbers is the one that the golden values were made with', () => {
  const random = createRandom(5, 3);
  expect(golden.stream.map(() => random.next())).toEqual(golden.stream);
});

test('nullDistance: a ring of pairs of many rows, all pairs of few', () => {
  const rows = floats(golden.null.rows);
  expect(nullDistance({ rows, count: 150 })).toBeCloseTo(golden.null.median, 5);
  expect(nullDistance({ rows: rows.slice(0, 20 * 20), count: 20 })).toBeCloseTo(golden.null.firstTwenty, 5);
});
