import { hashFraction, hashText, mix32 } from '../base/hash.ts';
import type { PackedRow } from './half-rows.ts';

/** Text positions that stand for unrelated inputs. */
export const NULL_POSITIONS = 150;

/** Inputs at random text positions, in random order, in half precision as those of examples. */
export interface NullInputs {
  /** n × d */
  readonly halves: Uint16Array;
  readonly scales: Float32Array;
}

/**
 * The inputs h at 150 text positions drawn at random, as they come by: those of the smallest seeded hash of context and
 * position, so that neither order nor what else is read changes them, and every bank gets the same positions.
 */
export class NullRows {
  readonly #width: number;
  readonly #salt: number;
  readonly #priority = new Float64Array(NULL_POSITIONS).fill(1);
  readonly #context = new Uint32Array(NULL_POSITIONS);
  readonly #position = new Uint32Array(NULL_POSITIONS);
  readonly #halves: Uint16Array;
  readonly #scales = new Float32Array(NULL_POSITIONS);
  /** Slots in use, and the one to be given up next. */
  #count = new Uint32Array(1);
  #worst = 0;

  constructor(width: number, seed: number) {
    this.#width = width;
    this.#salt = mix32(hashText('null positions') ^ seed);
    this.#halves = new Uint16Array(NULL_POSITIONS * width);
  }

  /** Offers the position of a context; `row` is asked for where it is taken. */
  offer(context: number, position: number, row: () => PackedRow): void {
    const priority = hashFraction(this.#salt, 0, context, position);
    let slot = this.#count[0]!;
    if (slot === NULL_POSITIONS) {
      if (!this.#before(priority, context, position, this.#worst)) return;
      slot = this.#worst;
    } else this.#count[0] = slot + 1;
    const { halves, scale } = row();
    this.#priority[slot] = priority;
    this.#context[slot] = context;
    this.#position[slot] = position;
    this.#halves.set(halves.subarray(0, this.#width), slot * this.#width);
    this.#scales[slot] = scale;
    if (this.#count[0] === NULL_POSITIONS) this.#findWorst();
  }

  /** The inputs found, in the order of their hashes. */
  inputs(): NullInputs {
    const order = Array.from({ length: this.#count[0]! }, (_, slot) => slot).sort((a, b) =>
      this.#before(this.#priority[a]!, this.#context[a]!, this.#position[a]!, b) ? -1 : 1,
    );
    const halves = new Uint16Array(order.length * this.#width);
    order.forEach((slot, i) => {
      halves.set(this.#halves.subarray(slot * this.#width, (slot + 1) * this.#width), i * this.#width);
    });
    return { halves, scales: Float32Array.from(order, (slot) => this.#scales[slot]!) };
  }

  /** What a checkpoint must hold; `restore` puts it back. */
  state(): Record<string, Uint16Array | Uint32Array | Float32Array | Float64Array> {
    return {
      priority: this.#priority,
      context: this.#context,
      position: this.#position,
      halves: this.#halves,
      scales: this.#scales,
      count: this.#count,
    };
  }

  restore(saved: Record<string, ArrayLike<number>>): void {
    for (const [name, array] of Object.entries(this.state())) array.set(saved[name]!);
    if (this.#count[0] === NULL_POSITIONS) this.#findWorst();
  }

  /** Whether a position comes before the one in `slot`. */
  #before(priority: number, context: number, position: number, slot: number): boolean {
    return (
      (priority - this.#priority[slot]! ||
        context - this.#context[slot]! ||
        position - this.#position[slot]!) < 0
    );
  }

  #findWorst(): void {
    this.#worst = 0;
    for (let slot = 1; slot < NULL_POSITIONS; slot++) {
      const worst = this.#worst;
      if (this.#before(this.#priority[worst]!, this.#context[worst]!, this.#position[worst]!, slot)) {
        this.#worst = slot;
      }
    }
  }
}
