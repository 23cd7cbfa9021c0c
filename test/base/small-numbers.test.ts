import { expect, test } from 'vitest';
import { packSmallNumbers, SmallNumberReader, unpackSmallNumbers } from '../../src/base/small-numbers.ts';

const AT_BOUNDS = [191, 192, 16_063, 16_064, 2 ** 24, 2 ** 32].flatMap((bound) => [bound - 1, bound]);

test('numbers come back, each in as few bytes as it says', () => {
  const values = [0, 1, ...AT_BOUNDS.filter((value) => value < 2 ** 32), 7];
  const bytes = packSmallNumbers(values);
  expect([...unpackSmallNumbers(bytes, values.length)]).toEqual(values);
  for (const [value, length] of [
    [0, 1],
    [191, 1],
    [192, 2],
    [16_063, 2],
    [16_064, 4],
    [2 ** 24 - 1, 4],
    [2 ** 24, 5],
    [2 ** 32 - 1, 5],
  ] as const)
    expect([value, packSmallNumbers([value]).length]).toEqual([value, length]);
});

test('what is cut off ends in zeros', () => {
  expect(new SmallNumberReader(new Uint8Array()).next()).toBe(0);
  expect(unpackSmallNumbers(packSmallNumbers([3, 300]).subarray(0, 2), 2)).toEqual(Uint32Array.of(3, 192));
});

test('a count that no such number of bytes has is refused, and no length of an array', () => {
  expect(() => unpackSmallNumbers(packSmallNumbers([3, 4]), 3)).toThrow('2 bytes are no 3 numbers');
  expect(() => unpackSmallNumbers(new Uint8Array(8), 2 ** 32 - 1)).toThrow('damaged');
});
