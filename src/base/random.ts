/** A seeded generator of uniform numbers: the same seed gives the same sequence on every machine. */
export interface Random {
  /** The next number in [0, 1), with 32 random bits. */
  next(): number;
  /** The next integer in [0, n); n is an integer from 1 to 2³². */
  integer(n: number): number;
  /** Puts the items in random order, in place (Fisher–Yates), and returns them. */
  shuffle<T extends unknown[] | Int32Array>(items: T): T;
}

/**
 * A generator of its own for each (seed, stream): streams of one seed are independent of each other, so that
 * one item's numbers do not depend on how many were drawn for the items before it.
 * Algorithm: sfc32 (PractRand's small fast counting generator, 128 bits of state).
 *
 * @param seed an integer; its low 53 bits count
 * @param stream an integer from 0 to 2³² − 1
 */
export function createRandom(seed: number, stream = 0): Random {
  let [a, b, c, counter] = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, stream >>> 0, 1];
  const next32 = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  // The first outputs still show how alike two seeds are.
  for (let i = 0; i < 15; i++) next32();

  const next = () => next32() / 2 ** 32;
  // The bias of the multiplication is at most n / 2³².
  const integer = (n: number) => Math.floor(next() * n);
  return {
    next,
    integer,
    shuffle(items) {
      for (let i = items.length - 1; i > 0; i--) {
        const j = integer(i + 1);
        const held = items[i]!;
        items[i] = items[j]!;
        items[j] = held;
      }
      return items;
    },
  };
}
