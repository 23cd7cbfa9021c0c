/** Bits of the filter, a power of two: with 100,000 texts in it one of forty is taken for an old one. */
const BITS = 2 ** 22;

/**
 * Tells texts that no example can have yet, so that they need not be looked for: a filter of one bit a text. Of a text
 * that is old it never says that it is new; of one that is new it now and then says that it is old.
 */
export class SeenTexts {
  readonly #bits = new Uint8Array(BITS / 8);

  /** For each key of a context 1 where its text is new: neither of an earlier context nor at another position. Adds them. */
  take(keys: Float64Array): Uint8Array {
    const fresh = Uint8Array.from(keys, (key) => (this.#has(key) ? 0 : 1));
    const met = new Map<number, number>();
    keys.forEach((key, t) => {
      const first = met.get(key);
      if (first === undefined) met.set(key, t);
      else fresh[first] = fresh[t] = 0;
      this.add(key);
    });
    return fresh;
  }

  add(key: number): void {
    const at = placeOf(key);
    this.#bits[at >> 3]! |= 1 << (at & 7);
  }

  #has(key: number): boolean {
    const at = placeOf(key);
    return (this.#bits[at >> 3]! & (1 << (at & 7))) !== 0;
  }
}

function placeOf(key: number): number {
  return Math.floor(key / 2 ** 21) & (BITS - 1);
}
