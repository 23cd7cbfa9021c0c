import type { PackedArrays } from '../base/pack.ts';
import { sharedBytes } from '../base/shared-bytes.ts';
import { type CapturedRows, capturedAt, shareRows } from './captures.ts';
import { HalfRowTable } from './half-rows.ts';
import type { WantedRows } from './row-collector.ts';

/** Bytes of the rows of a block of units, about. */
const BLOCK_BYTES = 2 ** 25;

/** Units whose rows are written, and read, together. @param length positions of the longest context */
export function unitsPerBlock(
  { width }: { readonly width: number },
  examples: number,
  length: number,
): number {
  return Math.max(1, Math.floor(BLOCK_BYTES / (examples * 2 * (width + length))));
}

/** The rows that were found of a bank's units from `first` up to `end`, by slot, one after another. */
export function packRows(
  captured: CapturedRows,
  { slot, unit }: WantedRows,
  first: number,
  end: number,
): PackedArrays {
  const order = [...unit.keys()].filter((i) => unit[i]! >= first && unit[i]! < end);
  order.sort((a, b) => slot[a]! - slot[b]!);
  const { width } = captured.inputs;
  const { width: length } = captured.windows;
  const packed = {
    slot: Uint32Array.from(order, (i) => slot[i]!),
    activation: Float32Array.from(order, (i) => captured.activations[i]!),
    halves: new Uint16Array(order.length * width),
    scales: new Float32Array(order.length),
    windows: new Uint16Array(order.length * length),
    windowScales: new Float32Array(order.length),
  };
  order.forEach((i, at) => {
    const { input, window } = capturedAt(captured, i);
    packed.halves.set(input.halves, at * width);
    packed.scales[at] = input.scale;
    packed.windows.set(window.halves, at * length);
    packed.windowScales[at] = window.scale;
  });
  return packed;
}

/** Rows of a bank by slot, read back block by block. */
export class UnpackedRows {
  readonly #inputs: HalfRowTable;
  readonly #windows: HalfRowTable;
  readonly #rows: Uint32Array;
  readonly #activations: Float32Array;

  /** @param slots of all of the bank's units; only blocks with rows in them take memory */
  constructor(slots: number, width: number, length: number) {
    this.#inputs = new HalfRowTable(width);
    this.#windows = new HalfRowTable(length);
    this.#rows = new Uint32Array(sharedBytes(slots * 4));
    for (let slot = 0; slot < slots; slot++) this.#rows[slot] = slot;
    this.#activations = new Float32Array(sharedBytes(slots * 4));
  }

  add(part: PackedArrays): void {
    const { slot, activation, scales, windowScales } = part as Record<string, Float32Array>;
    const { halves, windows } = part as Record<string, Uint16Array>;
    const { width } = this.#inputs;
    const { width: length } = this.#windows;
    slot!.forEach((to, i) => {
      this.#inputs.write(to, { halves: halves!.subarray(i * width, (i + 1) * width), scale: scales![i]! });
      const window = windows!.subarray(i * length, (i + 1) * length);
      this.#windows.write(to, { halves: window, scale: windowScales![i]! });
      this.#activations[to] = activation![i]!;
    });
  }

  /** What was read, for other threads. */
  captured(): CapturedRows {
    return shareRows({
      inputs: this.#inputs,
      rows: this.#rows,
      windows: this.#windows,
      activations: this.#activations,
    });
  }
}
