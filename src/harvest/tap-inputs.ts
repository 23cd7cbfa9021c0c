import type { PackedArrays } from '../base/pack.ts';
import { NullRows } from './null-rows.ts';
import { RowStore } from './row-store.ts';
import { RowSums } from './row-sums.ts';
import { contextsTogether } from './scan.ts';

/** What is kept of the input rows of one tap: those of examples, and of all of them the mean and a random few. */
export class TapInputs {
  readonly width: number;
  readonly store: RowStore;
  readonly sums: RowSums;
  readonly nulls: NullRows;

  /** @param longest positions of the longest context */
  constructor(width: number, longest: number, seed: number) {
    this.width = width;
    this.store = new RowStore(width, longest * contextsTogether(longest));
    this.sums = new RowSums(width, longest);
    this.nulls = new NullRows(width, seed);
  }

  /** The mean of `tokens` rows. */
  mean(tokens: number): Float32Array {
    return Float32Array.from(this.sums.sums(this.width), (sum) => (tokens === 0 ? 0 : sum / tokens));
  }

  /** The sums, and the random few, for `merge`. */
  packed(): PackedArrays {
    const { high, low } = this.sums.state();
    return { high: high.slice(), low: low.slice(), ...this.nulls.packed() };
  }

  /** Adds what was packed of another part of the text. */
  merge(part: PackedArrays): void {
    this.sums.merge(part as { high: Uint32Array; low: Uint32Array });
    this.nulls.merge(part as unknown as ReturnType<NullRows['packed']>);
  }
}
