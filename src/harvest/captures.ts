import { sharedBytes } from '../base/shared-bytes.ts';
import { type HalfRows, HalfRowTable, halfRow, type PackedRow } from './half-rows.ts';
import type { RowStore } from './row-store.ts';

/** What is kept of each example of a bank beside its place, by its slot; every buffer is shared between threads. */
export interface CapturedRows {
  /** Input rows h, which banks that read one tap share. */
  readonly inputs: HalfRows;
  /** The row of each slot's input. */
  readonly rows: Uint32Array;
  /** Each slot's activations over its context, zeros after them. */
  readonly windows: HalfRows;
  /** The activation at each slot's position. */
  readonly activations: Float32Array;
}

/** One slot's input row and window, as views. */
export function capturedAt(captured: CapturedRows, slot: number): { input: PackedRow; window: PackedRow } {
  return {
    input: halfRow(captured.inputs, captured.rows[slot]!),
    window: halfRow(captured.windows, slot),
  };
}

/** The captures of a bank while it is harvested. */
export class Captures implements CapturedRows {
  readonly store: RowStore;
  readonly rows: Uint32Array;
  readonly windows: HalfRowTable;
  readonly activations: Float32Array;

  /** @param capacity slots of a unit; `length`: positions of the longest context */
  constructor(units: number, capacity: number, length: number, store: RowStore) {
    const slots = units * capacity;
    this.store = store;
    this.rows = new Uint32Array(sharedBytes(slots * 4));
    this.windows = new HalfRowTable(length);
    this.activations = new Float32Array(sharedBytes(slots * 4));
  }

  get inputs(): HalfRows {
    return this.store.table;
  }

  /** What a checkpoint must hold beside rows and windows. */
  state(): Record<string, Uint32Array | Float32Array> {
    return { rows: this.rows, activations: this.activations };
  }

  restore(saved: Record<string, ArrayLike<number>>): void {
    for (const [name, array] of Object.entries(this.state())) array.set(saved[name]!);
  }

  /** The parts that other threads read. */
  share(): CapturedRows {
    return shareRows(this);
  }
}

/** The parts of captured rows that other threads read. */
export function shareRows({ inputs, rows, windows, activations }: CapturedRows): CapturedRows {
  return {
    inputs: shared(inputs),
    rows,
    windows: shared(windows),
    activations,
  };
}

function shared({ width, stride, rowsPerBlock, blocks }: HalfRows): HalfRows {
  return { width, stride, rowsPerBlock, blocks };
}
