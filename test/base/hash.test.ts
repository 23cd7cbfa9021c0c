import { expect, it } from 'vitest';
import { hashText, mix32 } from '../../src/base/hash.ts';

// Published values of FNV-1a 32.
it.each([
  ['', 0x811c9dc5],
  ['a', 0xe40c292c],
  ['foobar', 0xbf9cf968],
])('hashText(%j) is FNV-1a', (text, hash) => {
  expect(hashText(text)).toBe(hash);
});

it('mix32 keeps 0, and gives different numbers other numbers', () => {
  expect(mix32(0)).toBe(0);
  const mixed = new Set(Array.from({ length: 10_000 }, (_, i) => mix32(i)));
  expect(mixed.size).toBe(10_000);
  for (const value of mixed) expect(value >= 0 && value < 2 ** 32 && Number.isInteger(value)).toBe(true);
});
