// What the set-up of all tests says of typed arrays: see helpers/equal-bytes.ts.
import { expect, test } from 'vitest';
import { equalBytes } from '../helpers/equal-bytes.ts';

test('typed arrays of the same bytes are equal, and no others', () => {
  const numbers = Float32Array.of(1, Number.NaN, -0);
  expect(numbers).toEqual(Float32Array.of(9, 1, Number.NaN, -0).subarray(1));
  const others = [
    Float32Array.of(1, Number.NaN, 0),
    Float32Array.of(1, Number.NaN),
    Float32Array.of(1, Number.NaN, -0, 0),
    Float64Array.of(1, Number.NaN, -0),
    new Uint32Array(numbers.buffer),
    [...numbers],
  ];
  for (const other of others) {
    expect(equalBytes(numbers, other)).toBeUndefined();
    expect(numbers).not.toEqual(other);
    expect({ numbers }).not.toEqual({ numbers: other });
  }
});
