import { PolysemeError } from '../errors.ts';
import { wasm } from '../wasm/generated/harvest.ts';
import { instantiate, type Kernel, reserve } from '../wasm/instance.ts';
import { addSums, exactSums, sumsOf, sumWords } from './exact-sums.ts';

interface Exports {
  addRows(
    rows: number,
    count: number,
    width: number,
    valid: number,
    offsets: number,
    high: number,
    low: number,
  ): number;
}

/** Exact sums of rows of numbers, the same in whatever order the rows come. */
export class RowSums {
  readonly #kernel: Kernel<Exports>;
  readonly #width: number;
  /** Numbers from one row to the next. */
  readonly #stride: number;
  readonly #rows: Float32Array;
  readonly #valid: Uint8Array;
  readonly #offsets: number;
  readonly #high: BigInt64Array;
  readonly #low: BigInt64Array;

  /** @param longest the most rows that are added at a time */
  constructor(width: number, longest: number) {
    this.#kernel = instantiate<Exports>(wasm);
    this.#width = width;
    this.#stride = multiple(width, 4);
    let end = 1024;
    const take = (bytes: number): number => {
      const start = end;
      end += multiple(bytes, 64);
      return start;
    };
    const [high, low] = [take(this.#stride * 8), take(this.#stride * 8)];
    const [rows, valid] = [take(longest * this.#stride * 4), take(longest)];
    this.#offsets = take(longest * 4);
    reserve(this.#kernel.memory, end);
    const { buffer } = this.#kernel.memory;
    this.#rows = new Float32Array(buffer, rows, longest * this.#stride);
    this.#valid = new Uint8Array(buffer, valid, longest);
    this.#high = new BigInt64Array(buffer, high, this.#stride);
    this.#low = new BigInt64Array(buffer, low, this.#stride);
  }

  /**
   * Adds rows [positions, width].
   * @param text a byte a row: 1 where it is to be added
   * @throws PolysemeError (damaged) where a number is NaN, or 2^39 or more
   */
  add(rows: Float32Array, text: Uint8Array): void {
    if (this.#stride === this.#width) this.#rows.set(rows);
    else {
      for (let t = 0; t < text.length; t++) {
        this.#rows.set(rows.subarray(t * this.#width, (t + 1) * this.#width), t * this.#stride);
      }
    }
    this.#valid.set(text);
    const fault = this.#kernel.exports.addRows(
      this.#rows.byteOffset,
      text.length,
      this.#stride,
      this.#valid.byteOffset,
      this.#offsets,
      this.#high.byteOffset,
      this.#low.byteOffset,
    );
    if (fault !== 0) {
      throw new PolysemeError(
        'an input is NaN or above 2^39: the weights overflow in float32, or are damaged',
        'damaged',
      );
    }
  }

  /** The sums so far, each rounded once. */
  sums(width: number): Float64Array {
    return exactSums({ high: this.#high.subarray(0, width), low: this.#low.subarray(0, width) });
  }

  /** What a checkpoint must hold; `restore` puts it back. */
  state(): { high: Uint32Array; low: Uint32Array } {
    return sumWords({ high: this.#high, low: this.#low });
  }

  /** Adds the sums that another `state` holds. */
  merge(saved: { high: Uint32Array; low: Uint32Array }): void {
    addSums({ high: this.#high, low: this.#low }, sumsOf(saved));
  }

  restore(saved: Record<string, ArrayLike<number>>): void {
    for (const [name, array] of Object.entries(this.state())) array.set(saved[name]!);
  }
}

function multiple(count: number, of: number): number {
  return Math.ceil(count / of) * of;
}
