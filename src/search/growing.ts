/** Whole numbers that are collected, of which there may be many millions. */
export class Growing {
  #values = new Uint32Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const values = new Uint32Array(2 * this.#length);
      values.set(this.#values);
      this.#values = values;
    }
    this.#values[this.#length++] = value;
  }

  /** Those so far: a view that is valid until more are added. */
  taken(): Uint32Array {
    return this.#values.subarray(0, this.#length);
  }
}
