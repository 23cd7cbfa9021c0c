import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutTree } from '../../src/cluster/cut.ts';
import { linkage } from '../../src/cluster/linkage.ts';
import type { Feature } from '../../src/features/describe.ts';
import { isSameFeature, lastMerge, strayByFeature } from '../../web/src/unit/feature-cut.ts';

test('stray examples are found by the features that they were given to', () => {
  const features = [{ members: [0, 3, 5] }, { members: [1, 2] }, { members: [4] }] as unknown as Feature[];
  expect(strayByFeature(features, new Set([5, 4, 0]))).toEqual([
    { feature: features[0], examples: [0, 5] },
    { feature: features[2], examples: [4] },
  ]);
});

test('a threshold cuts a tree as the last merge below it does', () => {
  const distance = fc.double({ min: 0, max: 2, noNaN: true });
  fc.assert(
    fc.property(
      fc.array(distance, { minLength: 15, maxLength: 15 }),
      fc.constantFrom('average' as const, 'complete' as const, 'single' as const, 'weighted' as const),
      distance,
      (distances, method, threshold) => {
        const tree = linkage({ distances: Float32Array.from(distances), count: 6, method });
        const last = lastMerge(tree, threshold);
        expect(last).toBeLessThanOrEqual(threshold);
        expect(cutTree(tree, { distance: last })).toEqual(cutTree(tree, { distance: threshold }));
      },
    ),
  );
});

test('a feature of another cut is the same where nothing of it differs', () => {
  const feature: Feature = {
    id: 1,
    size: 2,
    members: [3, 4],
    name: { text: '‹war›', precision: 0.5, recall: 1, falseAlarms: 0 },
    words: ['war', 'peace'],
    meanActivation: 2.5,
    central: 3,
  };
  expect(isSameFeature(feature, structuredClone(feature))).toBe(true);
  const others: Partial<Feature>[] = [
    { id: 2 },
    { members: [3, 5] },
    { name: null },
    { name: { ...feature.name!, recall: 0.5 } },
    { words: ['war'] },
    { meanActivation: 2 },
    { central: 4 },
  ];
  for (const other of others) expect(isSameFeature(feature, { ...feature, ...other })).toBe(false);
});
