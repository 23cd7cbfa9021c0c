import { hashFraction } from '../base/hash.ts';

/**
 * A random draw of text positions as they come by: those of the smallest seeded hash of context and position, so that
 * their order does not matter. Each has a slot, in which its owner keeps what belongs to it.
 */
export class HashDraw {
  readonly #salt: number;
  readonly #priority: Float64Array;
  readonly #context: Uint32Array;
  readonly #position: Uint32Array;
  /** Slots in use, and the one to be given up next. */
  readonly #count = new Uint32Array(1);
  #worst = 0;

  constructor(size: number, salt: number) {
    this.#salt = salt;
    this.#priority = new Float64Array(size);
    this.#context = new Uint32Array(size);
    this.#position = new Uint32Array(size);
  }

  /** Offers a position; gives the slot that it takes, and −1 where it is not drawn. */
  offer(context: number, position: number): number {
    const size = this.#priority.length;
    const priority = hashFraction(this.#salt, 0, context, position);
    let slot = this.#count[0]!;
    if (slot === size) {
      if (!this.#isBefore(priority, context, position, this.#worst)) return -1;
      slot = this.#worst;
    } else this.#count[0] = slot + 1;
    this.#priority[slot] = priority;
    this.#context[slot] = context;
    this.#position[slot] = position;
    if (this.#count[0] === size) this.#findWorst();
    return slot;
  }

  /** The slots in use, in the order of the hashes. */
  byHash(): number[] {
    return this.#slots().sort((a, b) =>
      this.#isBefore(this.#priority[a]!, this.#context[a]!, this.#position[a]!, b) ? -1 : 1,
    );
  }

  /** The slots in use, in the order of the text. */
  byText(): number[] {
    return this.#slots().sort(
      (a, b) => this.#context[a]! - this.#context[b]! || this.#position[a]! - this.#position[b]!,
    );
  }

  /** The position that is in a slot. */
  place(slot: number): { readonly context: number; readonly position: number } {
    return { context: this.#context[slot]!, position: this.#position[slot]! };
  }

  /** What a checkpoint must hold; `restore` puts it back. */
  state(): Record<'priority' | 'context' | 'position' | 'count', Float64Array | Uint32Array> {
    return {
      priority: this.#priority,
      context: this.#context,
      position: this.#position,
      count: this.#count,
    };
  }

  restore(saved: Readonly<Record<string, ArrayLike<number>>>): void {
    for (const [name, array] of Object.entries(this.state())) array.set(saved[name]!);
    if (this.#count[0] === this.#priority.length) this.#findWorst();
  }

  #slots(): number[] {
    return Array.from({ length: this.#count[0]! }, (_, slot) => slot);
  }

  /** Whether a position comes before the one in `slot`. */
  #isBefore(priority: number, context: number, position: number, slot: number): boolean {
    return (
      (priority - this.#priority[slot]! ||
        context - this.#context[slot]! ||
        position - this.#position[slot]!) < 0
    );
  }

  #findWorst(): void {
    this.#worst = 0;
    for (let slot = 1; slot < this.#priority.length; slot++) {
      const worst = this.#worst;
      if (this.#isBefore(this.#priority[worst]!, this.#context[worst]!, this.#position[worst]!, slot)) {
        this.#worst = slot;
      }
    }
  }
}
