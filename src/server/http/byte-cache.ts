/** Keeps the values that were used last, up to a number of bytes in all. */
export class ByteCache<Key, Value> {
  readonly #capacity: number;
  readonly #entries = new Map<Key, { value: Value; size: number }>();
  #size = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(key: Key): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    // A map keeps the order of insertion: the first entry is the one unused for longest.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Keeps a value of `size` bytes; one that would take more than an eighth of the room is not kept. */
  set(key: Key, value: Value, size: number): void {
    this.#remove(key);
    if (size > this.#capacity / 8) return;
    this.#entries.set(key, { value, size });
    this.#size += size;
    for (const oldest of this.#entries.keys()) {
      if (this.#size <= this.#capacity) break;
      this.#remove(oldest);
    }
  }

  #remove(key: Key): void {
    this.#size -= this.#entries.get(key)?.size ?? 0;
    this.#entries.delete(key);
  }
}
