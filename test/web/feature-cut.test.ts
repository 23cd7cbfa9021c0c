import { expect, test } from 'vitest';
import type { Feature } from '../../src/features/describe.ts';
import { strayByFeature } from '../../web/src/unit/feature-cut.ts';

test('stray examples are found by the features that they were given to', () => {
  const features = [{ members: [0, 3, 5] }, { members: [1, 2] }, { members: [4] }] as unknown as Feature[];
  expect(strayByFeature(features, new Set([5, 4, 0]))).toEqual([
    { feature: features[0], examples: [0, 5] },
    { feature: features[2], examples: [4] },
  ]);
});
