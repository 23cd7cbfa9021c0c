import { sharedBytes } from '../base/shared-bytes.ts';

/** Bytes of one block of rows, or of one row where that is more. */
const BLOCK_BYTES = 16 * 2 ** 20;

/** A row of numbers in half precision: value i is halves[i] · scale. */
export interface PackedRow {
  readonly halves: Uint16Array;
  readonly scale: number;
}

/**
 * Bytes of a row before its halves: its scale (float32), and nothing. What is copied to memory that threads share is copied byte
 * by byte unless it lies eight by eight.
 */
const HEAD_BYTES = 8;

/** Where packed rows lie: blocks of rows, each a scale and then `width` halves. Threads share them. */
export interface HalfRows {
  readonly width: number;
  /** Bytes from one row to the next, a multiple of 8. */
  readonly stride: number;
  readonly rowsPerBlock: number;
  /** A hole where no row of the block was written. */
  readonly blocks: readonly (ArrayBufferLike | undefined)[];
}

/** A row's halves and scale; the halves are a view. */
export function halfRow({ width, stride, rowsPerBlock, blocks }: HalfRows, index: number): PackedRow {
  return rowAt(blocks[Math.floor(index / rowsPerBlock)]!, (index % rowsPerBlock) * stride, width);
}

/** The row of `width` halves that begins at a byte of a buffer; the halves are a view. */
export function rowAt(buffer: ArrayBufferLike, start: number, width: number): PackedRow {
  return {
    halves: new Uint16Array(buffer, start + HEAD_BYTES, width),
    scale: new Float32Array(buffer, start, 1)[0]!,
  };
}

/** Bytes from one row of `width` halves to the next: its head, and halves for the kernel, which writes eight at a time. */
export function rowBytes(width: number): number {
  return HEAD_BYTES + 16 * Math.ceil(width / 8);
}

/** Whether a row holds anything, and whether it was written since the last save. */
export const RowState = { empty: 0, saved: 1, written: 2 } as const;

interface Block {
  readonly bytes: Uint8Array;
  readonly scales: Float32Array;
  readonly halves: Uint16Array;
  readonly states: Uint8Array;
}

/** Rows of half precision by number, in blocks that are made when first written; knows what a save must write. */
export class HalfRowTable implements HalfRows {
  readonly width: number;
  readonly stride: number;
  readonly rowsPerBlock: number;
  readonly blocks: (ArrayBufferLike | undefined)[] = [];
  /** Rows from 0 to the last that was ever written. */
  size = 0;
  readonly #views: (Block | undefined)[] = [];

  constructor(width: number) {
    this.width = width;
    this.stride = rowBytes(width);
    this.rowsPerBlock = Math.max(1, Math.floor(BLOCK_BYTES / this.stride));
  }

  /** Writes a row of `width` halves. */
  write(index: number, { halves, scale }: PackedRow): void {
    const number = Math.floor(index / this.rowsPerBlock);
    const block = this.#views[number] ?? this.#make(number);
    const row = index - number * this.rowsPerBlock;
    block.scales[(row * this.stride) >> 2] = scale;
    // `set` moves memory at once: a loop over shared memory takes four times as long.
    block.halves.set(halves, (row * this.stride + HEAD_BYTES) >> 1);
    block.states[row] = RowState.written;
    if (index >= this.size) this.size = index + 1;
  }

  /** Writes neighbouring rows, `bytes` as they lie in the table. */
  writeRows(index: number, bytes: Uint8Array): void {
    const { stride, rowsPerBlock } = this;
    const end = index + bytes.length / stride;
    for (let row = index; row < end; ) {
      const number = Math.floor(row / rowsPerBlock);
      const block = this.#views[number] ?? this.#make(number);
      const first = row - number * rowsPerBlock;
      const count = Math.min(end - row, rowsPerBlock - first);
      const from = (row - index) * stride;
      const isAll = count * stride === bytes.length;
      block.bytes.set(isAll ? bytes : bytes.subarray(from, from + count * stride), first * stride);
      for (let i = first; i < first + count; i++) block.states[i] = RowState.written;
      row += count;
    }
    if (end > this.size) this.size = end;
  }

  /** Its number may be written again. */
  drop(index: number): void {
    this.#setState(index, RowState.empty);
  }

  state(index: number): number {
    const block = this.#views[Math.floor(index / this.rowsPerBlock)];
    return block === undefined ? RowState.empty : block.states[index % this.rowsPerBlock]!;
  }

  /** The bytes of a row, for a save that they are written to; the row counts as saved. */
  save(index: number): Uint8Array {
    this.#setState(index, RowState.saved);
    return this.#bytes(index);
  }

  /** The bytes of a row to be read from a save; the row counts as saved. */
  restore(index: number, bytes: Uint8Array): void {
    const number = Math.floor(index / this.rowsPerBlock);
    if (this.#views[number] === undefined) this.#make(number);
    this.#setState(index, RowState.saved);
    this.#bytes(index).set(bytes);
    if (index >= this.size) this.size = index + 1;
  }

  #bytes(index: number): Uint8Array {
    const buffer = this.blocks[Math.floor(index / this.rowsPerBlock)]!;
    return new Uint8Array(buffer, (index % this.rowsPerBlock) * this.stride, this.stride);
  }

  #setState(index: number, state: number): void {
    this.#views[Math.floor(index / this.rowsPerBlock)]!.states[index % this.rowsPerBlock] = state;
  }

  #make(number: number): Block {
    const buffer = sharedBytes(this.rowsPerBlock * this.stride);
    const block = {
      bytes: new Uint8Array(buffer),
      scales: new Float32Array(buffer),
      halves: new Uint16Array(buffer),
      states: new Uint8Array(this.rowsPerBlock),
    };
    this.blocks[number] = buffer;
    this.#views[number] = block;
    return block;
  }
}
