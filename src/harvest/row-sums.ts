import { PolysemeError } from '../errors.ts';
import { wasm } from '../wasm/generated/harvest.ts';
import { instantiate, type Kernel, reserve } from '../wasm/instance.ts';
import { addSums, exactSums, sumsOf, sumWords } from './exact-sums.ts';

interface Exports {
  addRow(row: number, count: number, high: number, low: number): number;
}

/** Exact sums of rows of numbers, the same in whatever order the rows come. */
export class RowSums {
  readonly #kernel: Kernel<Exports>;
  readonly #row: Float32Array;
  readonly #high: BigInt64Array;
  readonly #low: BigInt64Array;

  constructor(width: number) {
    this.#kernel = instantiate<Exports>(wasm);
    const room = multiple(width, 4);
    const high = 1024 + multiple(room * 4, 64);
    const low = high + room * 8;
    reserve(this.#kernel.memory, low + room * 8);
    const { buffer } = this.#kernel.memory;
    this.#row = new Float32Array(buffer, 1024, room);
    this.#high = new BigInt64Array(buffer, high, room);
    this.#low = new BigInt64Array(buffer, low, room);
  }

  /** @throws PolysemeError (damaged) where a number is NaN, or 2^39 or more */
  add(row: Float32Array): void {
    this.#row.set(row);
    const { byteOffset, length } = this.#row;
    const bad = this.#kernel.exports.addRow(byteOffset, length, this.#high.byteOffset, this.#low.byteOffset);
    if (bad !== 0) {
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
