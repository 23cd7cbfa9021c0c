import { createHash } from 'node:crypto';

/** 32-bit words of a digest. */
const WORDS = 4;

/** The texts (or images) that were seen, as 128-bit digests in the order in which they came: 24 bytes a text. */
export class DigestSet {
  /** The digests, one after another, with room for more. */
  #digests: Uint32Array;
  #size: number;
  /** Open addressing: 1 + the place of a digest, or 0. */
  #table = new Uint32Array(0);

  /** @param digests those that an earlier set gave */
  constructor(digests: Uint32Array = new Uint32Array(0)) {
    this.#digests = digests.slice();
    this.#size = digests.length / WORDS;
    this.#fill();
  }

  /** Adds a text, or bytes; false where it was there. */
  add(text: string | Uint8Array): boolean {
    const bytes = typeof text === 'string' ? Buffer.from(text, 'utf16le') : text;
    const { buffer, byteOffset } = createHash('sha256').update(bytes).digest();
    const view = new DataView(buffer, byteOffset);
    const digest = Uint32Array.from({ length: WORDS }, (_, i) => view.getUint32(4 * i, true));
    const at = this.#find(digest);
    if (this.#table[at] !== 0) return false;
    if (WORDS * this.#size === this.#digests.length) {
      const grown = new Uint32Array(Math.max(256, 2 * this.#digests.length));
      grown.set(this.#digests);
      this.#digests = grown;
    }
    this.#digests.set(digest, WORDS * this.#size++);
    this.#table[at] = this.#size;
    if (2 * this.#size > this.#table.length) this.#fill();
    return true;
  }

  /** The digests of the first `count` texts. */
  first(count: number): Uint32Array {
    return this.#digests.slice(0, WORDS * count);
  }

  /** Where a digest is in the table, or would be. */
  #find(digest: Uint32Array): number {
    const mask = this.#table.length - 1;
    for (let at = digest[0]! & mask; ; at = (at + 1) & mask) {
      const place = WORDS * (this.#table[at]! - 1);
      if (place < 0 || digest.every((word, i) => this.#digests[place + i] === word)) return at;
    }
  }

  /** Makes a table of at least four places a digest. */
  #fill(): void {
    let places = 1024;
    while (places < 4 * this.#size) places *= 2;
    this.#table = new Uint32Array(places);
    for (let i = 0; i < this.#size; i++) {
      this.#table[this.#find(this.#digests.subarray(WORDS * i, WORDS * (i + 1)))] = i + 1;
    }
  }
}
