import { hashText, mix32 } from '../base/hash.ts';
import type { PackedRow } from './half-rows.ts';
import { HashDraw } from './hash-draw.ts';

/** Text positions that stand for unrelated inputs. */
export const NULL_POSITIONS = 150;

/** Inputs at random text positions, in random order, in half precision as those of examples. */
export interface NullInputs {
  /** n × d */
  readonly halves: Uint16Array;
  readonly scales: Float32Array;
}

/**
 * The inputs h at 150 text positions drawn at random, as they come by, whatever their order and whatever else is read
 * (`HashDraw`): every bank gets the same positions.
 */
export class NullRows {
  readonly #width: number;
  readonly #draw: HashDraw;
  readonly #halves: Uint16Array;
  readonly #scales = new Float32Array(NULL_POSITIONS);

  constructor(width: number, seed: number) {
    this.#width = width;
    this.#draw = new HashDraw(NULL_POSITIONS, mix32(hashText('null positions') ^ seed));
    this.#halves = new Uint16Array(NULL_POSITIONS * width);
  }

  /** Offers the position of a context; `row` is asked for where it is taken. */
  offer(context: number, position: number, row: () => PackedRow): void {
    const slot = this.#draw.offer(context, position);
    if (slot === -1) return;
    const { halves, scale } = row();
    this.#halves.set(halves.subarray(0, this.#width), slot * this.#width);
    this.#scales[slot] = scale;
  }

  /** The inputs found, in the order of their hashes. */
  inputs(): NullInputs {
    const order = this.#draw.byHash();
    const halves = new Uint16Array(order.length * this.#width);
    order.forEach((slot, i) => {
      halves.set(this.#halves.subarray(slot * this.#width, (slot + 1) * this.#width), i * this.#width);
    });
    return { halves, scales: Float32Array.from(order, (slot) => this.#scales[slot]!) };
  }

  /** The inputs found with their places, for `merge`. */
  packed(): { context: Uint32Array; position: Uint32Array; halves: Uint16Array; scales: Float32Array } {
    const places = this.#draw.byHash().map((slot) => this.#draw.place(slot));
    return {
      context: Uint32Array.from(places, ({ context }) => context),
      position: Uint32Array.from(places, ({ position }) => position),
      ...this.inputs(),
    };
  }

  /** Draws from what others found, too. */
  merge({ context, position, halves, scales }: ReturnType<NullRows['packed']>): void {
    context.forEach((id, i) => {
      const row = { halves: halves.subarray(i * this.#width, (i + 1) * this.#width), scale: scales[i]! };
      this.offer(id, position[i]!, () => row);
    });
  }

  /** What a checkpoint must hold; `restore` puts it back. */
  state(): Record<string, Uint16Array | Uint32Array | Float32Array | Float64Array> {
    return { ...this.#draw.state(), halves: this.#halves, scales: this.#scales };
  }

  restore(saved: Record<string, ArrayLike<number>>): void {
    this.#draw.restore(saved);
    this.#halves.set(saved['halves']!);
    this.#scales.set(saved['scales']!);
  }
}
