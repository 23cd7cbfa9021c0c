/** Bytes of one block of slots. */
const BLOCK_BYTES = 16 * 2 ** 20;

/** Where the captured rows of a bank lie; every buffer is shared between threads. */
export interface CapturedRows {
  readonly capacity: number;
  readonly width: number;
  readonly length: number;
  readonly unitsPerBlock: number;
  /** Slot data by block of units; null where no unit of the block has an example. */
  readonly blocks: readonly (SharedArrayBuffer | null)[];
  /** Two a slot: scale of the input row, scale of the window. */
  readonly scales: Float32Array;
  /** The activation at each slot's position. */
  readonly activations: Float32Array;
}

/**
 * What is kept for each example beside its place: the unit's input row h (width halves) and its activations
 * over the context (length halves), each with one scale. Blocks are made when first written.
 */
export class Captures implements CapturedRows {
  readonly capacity: number;
  readonly width: number;
  readonly length: number;
  readonly unitsPerBlock: number;
  readonly blocks: (SharedArrayBuffer | null)[];
  readonly scales: Float32Array;
  readonly activations: Float32Array;
  readonly #views: Uint16Array[] = [];

  constructor(units: number, capacity: number, width: number, length: number) {
    this.capacity = capacity;
    this.width = width;
    this.length = length;
    this.unitsPerBlock = Math.max(1, Math.floor(BLOCK_BYTES / (2 * capacity * (width + length))));
    this.blocks = Array(Math.ceil(units / this.unitsPerBlock)).fill(null);
    this.scales = new Float32Array(new SharedArrayBuffer(units * capacity * 8));
    this.activations = new Float32Array(new SharedArrayBuffer(units * capacity * 4));
  }

  /** Writes one slot: its input row, and the activations of its context (zeros after them). */
  write(slot: number, row: Uint16Array, window: Uint16Array): void {
    const { width, length } = this;
    const perBlock = this.unitsPerBlock * this.capacity;
    const block = Math.floor(slot / perBlock);
    const at = (slot - block * perBlock) * (width + length);
    const view = this.#view(block);
    // `set` moves memory at once: a loop over shared memory takes four times as long.
    view.set(row, at);
    const first = at + width;
    view.set(window, first);
    if (window.length < length) view.fill(0, first + window.length, first + length);
  }

  #view(block: number): Uint16Array {
    let view = this.#views[block];
    if (view === undefined) {
      const { unitsPerBlock, capacity, width, length } = this;
      const buffer = new SharedArrayBuffer(2 * unitsPerBlock * capacity * (width + length));
      this.blocks[block] = buffer;
      view = new Uint16Array(buffer);
      this.#views[block] = view;
    }
    return view;
  }
}

/** Views of one slot's input row and window. */
export function slotViews(rows: CapturedRows, slot: number): { row: Uint16Array; window: Uint16Array } {
  const perBlock = rows.unitsPerBlock * rows.capacity;
  const buffer = rows.blocks[Math.floor(slot / perBlock)]!;
  const start = (slot % perBlock) * (rows.width + rows.length) * 2;
  return {
    row: new Uint16Array(buffer, start, rows.width),
    window: new Uint16Array(buffer, start + rows.width * 2, rows.length),
  };
}
