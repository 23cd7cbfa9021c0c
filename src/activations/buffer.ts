import { createRandom } from '../base/random.ts';
import { PolysemeError } from '../errors.ts';
import type { EndlessBlock, EndlessCursor } from './activation-source.ts';

/** All that a buffer needs to go on to the bit: its vectors, how many batches it gave, its place in the source. */
export interface BufferState {
  readonly vectors: Float32Array;
  readonly batches: number;
  readonly cursor: EndlessCursor | null;
}

export interface BufferOptions {
  readonly width: number;
  /** Vectors that it holds at most. */
  readonly capacity: number;
  /** Most vectors of a block of the source. */
  readonly blockSize: number;
  readonly seed: number;
  /** The source's blocks, from the start or after a cursor; a finite source is drained to its last vector. */
  readonly read: (from?: EndlessCursor) => AsyncIterable<EndlessBlock>;
  /** Awaited: the buffer's state may be saved meanwhile. */
  readonly onFill?: (vectors: number, wanted: number) => Promise<void> | void;
}

/**
 * Mixes a stream of vectors: batches are drawn without replacement, uniformly, from a buffer that is filled up
 * again when it is half empty (SAELens's mixing buffer). Each vector is given out once. Batch n is drawn with
 * generator (seed, n), so that there is no generator to keep.
 */
export class ShuffleBuffer {
  readonly #options: BufferOptions;
  readonly #vectors: Float32Array;
  #count = 0;
  #batches = 0;
  #cursor: EndlessCursor | null = null;
  #blocks: AsyncIterator<EndlessBlock> | undefined;
  #ended = false;

  constructor(options: BufferOptions) {
    const { capacity, width, blockSize } = options;
    if (capacity < 2 * blockSize) {
      throw new PolysemeError(
        `a buffer of ${capacity} vectors is too small: it must hold two blocks of ${blockSize}, ${2 * blockSize} vectors`,
      );
    }
    this.#options = options;
    this.#vectors = new Float32Array(capacity * width);
  }

  /** The next `size` vectors; fewer at a finite source's end, none after it. */
  async next(size: number): Promise<Float32Array> {
    const { capacity, width, seed } = this.#options;
    if (size > capacity / 2) {
      throw new PolysemeError(`a batch of ${size} vectors is more than half of a buffer of ${capacity}`);
    }
    // At first it is filled to the end, wherever it was left.
    if (this.#batches === 0 || this.#count < Math.max(capacity / 2, size)) await this.#fill();
    const random = createRandom(seed, this.#batches++);
    const vectors = this.#vectors;
    const batch = new Float32Array(Math.min(size, this.#count) * width);
    for (let at = 0; at < batch.length; at += width) {
      const row = random.integer(this.#count) * width;
      batch.set(vectors.subarray(row, row + width), at);
      this.#count--;
      vectors.copyWithin(row, this.#count * width, (this.#count + 1) * width);
    }
    return batch;
  }

  /** A view of its state, valid until the next batch. */
  state(): BufferState {
    const vectors = this.#vectors.subarray(0, this.#count * this.#options.width);
    return { vectors, batches: this.#batches, cursor: this.#cursor };
  }

  restore({ vectors, batches, cursor }: BufferState): void {
    this.#vectors.set(vectors);
    this.#count = vectors.length / this.#options.width;
    this.#batches = batches;
    this.#cursor = cursor;
    this.#blocks = undefined;
    this.#ended = false;
  }

  /** Ends the reading of its source. */
  async close(): Promise<void> {
    await this.#blocks?.return?.();
  }

  async #fill(): Promise<void> {
    const { capacity, blockSize, width, read, onFill } = this.#options;
    this.#blocks ??= read(this.#cursor ?? undefined)[Symbol.asyncIterator]();
    while (!this.#ended && this.#count + blockSize <= capacity) {
      const { done, value } = await this.#blocks.next();
      if (done) {
        this.#ended = true;
        return;
      }
      this.#vectors.set(value.vectors, this.#count * width);
      this.#count += value.vectors.length / width;
      this.#cursor = value.cursor;
      await onFill?.(this.#count, capacity);
    }
  }
}
