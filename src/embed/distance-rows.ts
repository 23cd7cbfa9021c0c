import { PolysemeError } from '../errors.ts';
import { reserve } from '../wasm/instance.ts';
import { notFinite, rowWidth } from './check-rows.ts';
import { GROUP, kernel, SUMS_BYTES } from './distance-kernel.ts';
import { EqualRows } from './equal-rows.ts';

/** Bytes of packed rows that are held in the kernel's memory. */
const MOST_BYTES = 2 ** 30;
/** Rows packed by one call. */
const PACKED_ROWS = 255;

/**
 * Cosine distances between many rows, a row at a time, in O(n·d) memory: the numbers of `cosineDistances`. Nothing else may
 * use the distance kernel of this thread meanwhile.
 *
 * @throws PolysemeError when rows cannot be count × d, hold NaN or an infinity, or are too many
 * @example
 * const rows = new DistanceRows(Float32Array.of(1, 0, 0, 1, 2, 0), 3);
 * console.log([...rows.row(0)]); // [0, 1, 0]
 */
export class DistanceRows {
  readonly count: number;
  readonly #steps: number;
  readonly #block: number;
  readonly #sums: number;
  /** A group of rows from anywhere. */
  readonly #gathered: number;
  readonly #packed: number;
  readonly #equal: EqualRows;
  /** The group that the block holds. */
  #group = -1;

  constructor(rows: Float32Array, count: number) {
    const width = rowWidth('DistanceRows', rows, count);
    this.count = count;
    this.#steps = Math.ceil(width / 4);
    const rowBytes = 16 * this.#steps;
    const groups = Math.ceil(count / GROUP);
    if (groups * GROUP * rowBytes > MOST_BYTES) {
      throw new PolysemeError(
        `distances between ${count} rows of ${width} numbers need ${groups * GROUP * rowBytes} bytes, over the limit of ${MOST_BYTES}: take fewer examples`,
      );
    }
    // The first page is the compiler's.
    let end = 65_536;
    const take = (bytes: number): number => {
      const start = end;
      end += Math.ceil(bytes / 16) * 16;
      return start;
    };
    this.#sums = take(SUMS_BYTES);
    const norms = take(PACKED_ROWS * 8);
    const hashes = take(PACKED_ROWS * 4);
    const raw = take(PACKED_ROWS * width * 4);
    this.#block = take(GROUP * GROUP * groups * 4);
    this.#gathered = take(GROUP * rowBytes);
    this.#packed = take(groups * GROUP * rowBytes);
    const { exports, memory } = kernel();
    reserve(memory, end);
    this.#equal = new EqualRows({ rows }, width);
    for (let first = 0; first < count; first += PACKED_ROWS) {
      const part = Math.min(PACKED_ROWS, count - first);
      new Float32Array(memory.buffer, raw, part * width).set(
        rows.subarray(first * width, (first + part) * width),
      );
      const bad = exports.pack(raw, part, width, this.#packed + first * rowBytes, norms, hashes, 0, 0);
      if (bad >= 0) throw notFinite('DistanceRows', first + bad);
      this.#equal.note(
        first,
        new Float64Array(memory.buffer, norms, part),
        new Int32Array(memory.buffer, hashes, part),
      );
    }
  }

  /** Distances of at most three rows to every row, copies: as fast as one. */
  some(indices: readonly number[]): Float32Array[] {
    const { exports, memory } = kernel();
    const stride = GROUP * Math.ceil(this.count / GROUP);
    const bytes = new Uint8Array(memory.buffer);
    indices.slice(0, GROUP).forEach((index, place) => {
      const from = this.#packed + Math.floor(index / GROUP) * GROUP * 16 * this.#steps + (index % GROUP) * 16;
      for (let step = 0; step < this.#steps; step++) {
        const at = from + step * GROUP * 16;
        bytes.copyWithin(this.#gathered + (step * GROUP + place) * 16, at, at + 16);
      }
    });
    this.#group = -1;
    const groups = stride / GROUP;
    exports.block(
      this.#gathered,
      1,
      this.#packed,
      groups,
      this.#steps,
      this.#block,
      stride,
      this.#sums,
      false,
    );
    return indices.slice(0, GROUP).map((index, place) => {
      const distances = new Float32Array(memory.buffer, this.#block + place * stride * 4, this.count).slice();
      distances[index] = 0;
      this.#equal.clearRow(index, distances);
      return distances;
    });
  }

  /** Distances of a row to every row, 0 to itself; a view that the next call writes anew. */
  row(index: number): Float32Array {
    const { exports, memory } = kernel();
    const groups = Math.ceil(this.count / GROUP);
    const stride = GROUP * groups;
    const group = Math.floor(index / GROUP);
    if (group !== this.#group) {
      const a = this.#packed + group * GROUP * 16 * this.#steps;
      exports.block(a, 1, this.#packed, groups, this.#steps, this.#block, stride, this.#sums, false);
      this.#group = group;
    }
    const at = this.#block + (index - group * GROUP) * stride * 4;
    const distances = new Float32Array(memory.buffer, at, this.count);
    distances[index] = 0;
    this.#equal.clearRow(index, distances);
    return distances;
  }
}
