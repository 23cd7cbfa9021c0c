import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.ts';

/** sfc32 in plain big integers, as PractRand defines it. */
function* reference(seed: bigint, stream: bigint): Generator<bigint> {
  const word = 0xffffffffn;
  let [a, b, c, counter] = [seed & word, (seed >> 32n) & word, stream, 1n];
  for (let i = 0; ; i++) {
    const sum = (a + b + counter) & word;
    counter = (counter + 1n) & word;
    a = b ^ (b >> 9n);
    b = (c + (c << 3n)) & word;
    c = (((c << 21n) | (c >> 11n)) + sum) & word;
    if (i >= 15) yield sum;
  }
}

describe('random numbers', () => {
  it.each([
    [0, 0],
    [1, 0],
    [2 ** 53 - 1, 2 ** 32 - 1],
    [123456789012345, 77],
  ])('seed %d, stream %d: sfc32', (seed, stream) => {
    const random = createRandom(seed, stream);
    const expected = reference(BigInt(seed), BigInt(stream));
    for (let i = 0; i < 1000; i++) expect(random.next() * 2 ** 32).toBe(Number(expected.next().value));
  });

  it('are uniform, also across neighbouring streams', () => {
    const counts = new Float64Array(64);
    for (let stream = 0; stream < 64_000; stream++) counts[createRandom(7, stream).integer(64)]!++;
    const chiSquare = counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    // 63 degrees of freedom: outside (24, 125) once in a million seeds.
    expect(chiSquare).toBeGreaterThan(24);
    expect(chiSquare).toBeLessThan(125);
  });

  it('shuffle every order alike', () => {
    const random = createRandom(3);
    const orders = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = random.shuffle([0, 1, 2, 3]).join('');
      orders.set(order, (orders.get(order) ?? 0) + 1);
    }
    expect(orders.size).toBe(24);
    expect([...orders.values()].every((count) => count > 850 && count < 1150)).toBe(true);
  });
});
