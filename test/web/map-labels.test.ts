import { expect, test } from 'vitest';
import type { Feature } from '../../src/features/describe.ts';
import { labelsOf } from '../../web/src/unit/map-labels.ts';

const feature = (id: number, members: number[], words: string[]) =>
  ({ id, size: members.length, members, words }) as unknown as Feature;

test('a feature’s word stands at the median of its examples, cut where it is long', () => {
  const features = [
    feature(0, [0, 1, 2], ['...', 'treaty']),
    feature(1, [3, 4], ['internationalisation']),
    feature(2, [5], ['single']),
    feature(3, [6, 7], []),
  ];
  const x = [10, 30, 20, 200, 220, 300, 310, 320];
  const y = [5, 7, 100, 50, 60, 70, 80, 90];
  expect(labelsOf(features, x, y)).toEqual([
    { id: 0, word: 'treaty', x: 20, y: 7 },
    { id: 1, word: 'internationalisat…', x: 220, y: 60 },
  ]);
});

test('of two words that would lie on each other the larger feature’s is shown, and of many features eight', () => {
  const two = [feature(0, [0, 1], ['first']), feature(1, [2, 3], ['second'])];
  const words = (y: number[]) => labelsOf(two, [50, 50, 60, 60], y).map(({ word }) => word);
  expect(words([10, 10, 20, 20])).toEqual(['first']);
  expect(words([10, 10, 40, 40])).toEqual(['first', 'second']);
  const many = Array.from({ length: 12 }, (_, id) => feature(id, [id, id], ['word']));
  expect(
    labelsOf(
      many,
      Array(12).fill(0),
      Array.from({ length: 12 }, (_, id) => 30 * id),
    ),
  ).toHaveLength(8);
});
