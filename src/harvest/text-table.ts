/** Finds the slot of a unit's example by its text: per unit, an open hash table of slots by their key. */
export class TextTable {
  /** The key of each slot. */
  readonly #keys: Float64Array;
  readonly #capacity: number;
  /** 1 + the slot within the unit, or 0. */
  readonly #table: Uint32Array;
  readonly #places: number;

  /** @param capacity slots of a unit; `keys`: of all slots, which `add` fills */
  constructor(units: number, capacity: number, keys: Float64Array) {
    this.#keys = keys;
    this.#capacity = capacity;
    this.#places = 2 ** Math.ceil(Math.log2(2 * capacity));
    this.#table = new Uint32Array(units * this.#places);
  }

  /** The slot with the key among the `room` slots from `base` on, or -1. */
  find(unit: number, base: number, room: number, key: number): number {
    const table = unit * this.#places;
    for (let at = this.#home(key); ; at = (at + 1) & (this.#places - 1)) {
      const found = this.#table[table + at]!;
      if (found === 0) return -1;
      const slot = unit * this.#capacity + found - 1;
      if (this.#keys[slot] === key && slot >= base && slot < base + room) return slot;
    }
  }

  add(unit: number, slot: number, key: number): void {
    this.#keys[slot] = key;
    const table = unit * this.#places;
    let at = this.#home(key);
    while (this.#table[table + at] !== 0) at = (at + 1) & (this.#places - 1);
    this.#table[table + at] = 1 + slot - unit * this.#capacity;
  }

  /** Takes a slot out; what stood behind it in the table moves up, so that no search stops early. */
  remove(unit: number, slot: number): void {
    const mask = this.#places - 1;
    const table = unit * this.#places;
    const first = unit * this.#capacity;
    const wanted = 1 + slot - first;
    let hole = this.#home(this.#keys[slot]!);
    while (this.#table[table + hole] !== wanted) hole = (hole + 1) & mask;
    for (let at = (hole + 1) & mask; this.#table[table + at] !== 0; at = (at + 1) & mask) {
      const found = this.#table[table + at]!;
      const home = this.#home(this.#keys[first + found - 1]!);
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      this.#table[table + hole] = found;
      hole = at;
    }
    this.#table[table + hole] = 0;
  }

  clear(): void {
    this.#table.fill(0);
  }

  #home(key: number): number {
    return Math.floor(key / 2 ** 21) & (this.#places - 1);
  }
}
