import { PolysemeError } from '../errors.ts';
import { wasm } from '../wasm/generated/codes.ts';
import { instantiate, type Kernel, reserve } from '../wasm/instance.ts';

/** Rows as signed bytes: value = code · scale, with a scale of each row. */
export interface Codes {
  /** count × width, row-major, −127 to 127. */
  readonly codes: Int8Array;
  readonly scales: Float32Array;
}

/** Largest code. */
const MOST = 127;
/** Columns of a row are filled up to a multiple of this. */
const STEP = 16;
/** Longest row: sums of 2^17 products of codes stay in 32 bits. */
const MAX_WIDTH = 2 ** 17;

/** Rows rounded to bytes: the error of a value is at most half its row's scale. A row of zeros has the scale 0. */
export function toCodes(rows: Float32Array, width: number): Codes {
  const count = width === 0 ? 0 : rows.length / width;
  const codes = new Int8Array(rows.length);
  const scales = new Float32Array(count);
  for (let r = 0; r < count; r++) {
    const start = r * width;
    let largest = 0;
    for (let k = start; k < start + width; k++) largest = Math.max(largest, Math.abs(rows[k]!));
    if (largest === 0) continue;
    scales[r] = largest / MOST;
    const factor = MOST / largest;
    for (let k = start; k < start + width; k++) codes[k] = Math.round(rows[k]! * factor);
  }
  return { codes, scales };
}

interface Exports {
  products(
    codes: number,
    count: number,
    width: number,
    query: number,
    scale: number,
    scales: number,
    out: number,
  ): void;
}

/** Rows of bytes in a kernel's memory, to be multiplied by one vector after another. */
export class CodeTable {
  readonly count: number;
  readonly width: number;
  readonly #kernel: Kernel<Exports>;
  /** Bytes of a row. */
  readonly #pitch: number;
  readonly #at: {
    readonly query: number;
    readonly scales: number;
    readonly out: number;
    readonly codes: number;
  };
  #filled = 0;
  #largest = 0;

  /** Makes room for `count` rows. */
  constructor(count: number, width: number) {
    if (width > MAX_WIDTH)
      throw new PolysemeError(`rows of ${width} values are too long: at most ${MAX_WIDTH}`, 'unsupported');
    this.count = count;
    this.width = width;
    this.#pitch = STEP * Math.ceil(width / STEP);
    this.#kernel = instantiate<Exports>(wasm);
    // The first page is the compiler's.
    const query = 65_536;
    const scales = query + 2 * this.#pitch;
    const out = scales + STEP * Math.ceil((4 * count) / STEP);
    const codes = out + STEP * Math.ceil((4 * count) / STEP);
    this.#at = { query, scales, out, codes };
    reserve(this.#kernel.memory, codes + this.#pitch * count);
  }

  /** The largest scale of a row. */
  get largestScale(): number {
    return this.#largest;
  }

  /** Puts rows behind those that are there. */
  add({ codes, scales }: Codes): void {
    const { buffer } = this.#kernel.memory;
    const { width } = this;
    const start = this.#at.codes + this.#filled * this.#pitch;
    if (width === this.#pitch) new Int8Array(buffer, start, codes.length).set(codes);
    else {
      for (let r = 0; r < scales.length; r++) {
        const row = codes.subarray(r * width, (r + 1) * width);
        new Int8Array(buffer, start + r * this.#pitch, width).set(row);
      }
    }
    new Float32Array(buffer, this.#at.scales + 4 * this.#filled, scales.length).set(scales);
    for (const scale of scales) this.#largest = Math.max(this.#largest, scale);
    this.#filled += scales.length;
  }

  /** Dot products of all rows with a vector in bytes: a view that the next call overwrites. */
  products({ codes, scales }: Codes): Float32Array {
    const { memory, exports } = this.#kernel;
    const { query, out, scales: at, codes: rows } = this.#at;
    const wide = new Int16Array(memory.buffer, query, this.#pitch);
    wide.fill(0);
    wide.set(codes);
    exports.products(rows, this.#filled, this.#pitch, query, scales[0]!, at, out);
    return new Float32Array(memory.buffer, out, this.#filled);
  }
}
