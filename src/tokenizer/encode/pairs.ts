/** Pairs of ids with a number each, in flat arrays: a hash table with open addressing. */
export interface Pairs {
  set(left: number, right: number, value: number): void;
  /** The number of the pair, or -1. */
  get(left: number, right: number): number;
}

/** @param count most pairs that will be set */
export function createPairs(count: number): Pairs {
  // At least half of the places stay free.
  const bits = Math.max(4, 33 - Math.clz32(count));
  const mask = (1 << bits) - 1;
  const lefts = new Int32Array(mask + 1).fill(-1);
  const rights = new Int32Array(mask + 1);
  const values = new Int32Array(mask + 1);

  const place = (left: number, right: number): number => {
    let at = Math.imul(Math.imul(left, 0x9e3779b1) ^ right, 0x85ebca6b) >>> (32 - bits);
    while (lefts[at] !== -1 && (lefts[at] !== left || rights[at] !== right)) at = (at + 1) & mask;
    return at;
  };
  return {
    set(left, right, value) {
      const at = place(left, right);
      lefts[at] = left;
      rights[at] = right;
      values[at] = value;
    },
    get(left, right) {
      const at = place(left, right);
      return lefts[at] === -1 ? -1 : values[at]!;
    },
  };
}
