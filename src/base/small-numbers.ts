import { PolysemeError } from '../errors.ts';

// Whole numbers below 2³², most of them small: one byte below 192, two below 16,064, four or five above. Unlike seven bits a byte
// this leaves the frequent ones whole bytes that a compressor can tell apart.

const ONE = 192;
const THREE_MORE = 254;
const FOUR_MORE = 255;
const TWO = ONE + (THREE_MORE - ONE) * 256;

/** Bytes that numbers are added to. */
export class SmallNumberWriter {
  #bytes = new Uint8Array(1024);
  #length = 0;

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length + 5 > this.#bytes.length) {
      const bytes = new Uint8Array(2 * this.#bytes.length);
      bytes.set(this.#bytes);
      this.#bytes = bytes;
    }
    if (value < ONE) this.#byte(value);
    else if (value < TWO) {
      this.#byte(ONE + ((value - ONE) >> 8));
      this.#byte(value - ONE);
    } else {
      const more = value < 2 ** 24 ? 3 : 4;
      this.#byte(more === 3 ? THREE_MORE : FOUR_MORE);
      for (let i = 0; i < more; i++) this.#byte(value >>> (8 * i));
    }
  }

  taken(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #byte(value: number): void {
    this.#bytes[this.#length++] = value;
  }
}

/** Reads numbers one after the other; after the last one they are 0. */
export class SmallNumberReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  next(): number {
    const first = this.#byte();
    if (first < ONE) return first;
    if (first < THREE_MORE) return ONE + (first - ONE) * 256 + this.#byte();
    let value = this.#byte() + this.#byte() * 2 ** 8 + this.#byte() * 2 ** 16;
    if (first === FOUR_MORE) value += this.#byte() * 2 ** 24;
    return value;
  }

  #byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }
}

export function packSmallNumbers(values: ArrayLike<number>): Uint8Array {
  const writer = new SmallNumberWriter();
  for (let i = 0; i < values.length; i++) writer.push(values[i]!);
  return writer.taken();
}

/** @throws PolysemeError where there are fewer bytes than numbers: a count that is damaged is no length of an array */
export function unpackSmallNumbers(bytes: Uint8Array, count: number): Uint32Array {
  if (count > bytes.length)
    throw new PolysemeError(`${bytes.length} bytes are no ${count} numbers: they are damaged`, 'damaged');
  const reader = new SmallNumberReader(bytes);
  return Uint32Array.from({ length: count }, () => reader.next());
}
