import { hashFraction, hashText, mix32 } from '../base/hash.ts';
import type { PackedArray } from '../base/pack.ts';
import type { TextPlace } from '../features/naming.ts';
import { wordTexts } from '../features/word-texts.ts';

/** Random text positions that are drawn of a corpus. */
export const SAMPLE_POSITIONS = 2000;
/** Tokens to each side that are kept with a position. */
export const SAMPLE_REACH = 20;

const WINDOW = 2 * SAMPLE_REACH + 1;

/** Some text positions with the tokens around them, side by side. */
export interface TextSample {
  /** Of each window, where its tokens start; and where the last one's end. */
  readonly offset: Uint32Array;
  readonly tokens: Int32Array;
  /** The place of each position in its window. */
  readonly position: Uint32Array;
}

/** The positions with their texts. @param text of a token as words see it (`wordText`) */
export function* sampledTexts(
  { offset, tokens, position }: TextSample,
  text: (id: number) => string,
): Generator<TextPlace> {
  for (const [i, at] of position.entries()) {
    const window = tokens.subarray(offset[i]!, offset[i + 1]!);
    yield { texts: wordTexts(Array.from(window, text)), position: at };
  }
}

/**
 * 2,000 text positions drawn at random, as they come by: those of the smallest seeded hash of context and position, so that
 * the order of contexts does not matter, nor does which banks are studied.
 */
export class TextSampler {
  readonly #salt: number;
  readonly #priority = new Float64Array(SAMPLE_POSITIONS);
  readonly #context = new Uint32Array(SAMPLE_POSITIONS);
  readonly #position = new Uint32Array(SAMPLE_POSITIONS);
  /** Of each window: how many of its tokens stand before the position, and how many there are. */
  readonly #before = new Uint32Array(SAMPLE_POSITIONS);
  readonly #length = new Uint32Array(SAMPLE_POSITIONS);
  readonly #tokens = new Int32Array(SAMPLE_POSITIONS * WINDOW);
  readonly #count = new Uint32Array(1);
  #worst = 0;

  constructor(seed: number, saved?: Readonly<Record<string, ArrayLike<number>>>) {
    this.#salt = mix32(hashText('text sample') ^ seed);
    if (saved === undefined) return;
    for (const [name, array] of Object.entries(this.state())) array.set(saved[name]!);
    this.#findWorst();
  }

  /** Offers the text positions of a context. @param isText 1 where a position is text */
  offer(context: number, tokens: Int32Array, isText: Uint8Array): void {
    for (let position = 0; position < tokens.length; position++) {
      if (isText[position] === 0) continue;
      const priority = hashFraction(this.#salt, 0, context, position);
      let slot = this.#count[0]!;
      if (slot === SAMPLE_POSITIONS) {
        if (!this.#isBefore(priority, context, position, this.#worst)) continue;
        slot = this.#worst;
      } else this.#count[0] = slot + 1;
      const first = Math.max(0, position - SAMPLE_REACH);
      const window = tokens.subarray(first, position + SAMPLE_REACH + 1);
      this.#priority[slot] = priority;
      this.#context[slot] = context;
      this.#position[slot] = position;
      this.#before[slot] = position - first;
      this.#length[slot] = window.length;
      this.#tokens.set(window, slot * WINDOW);
      if (this.#count[0] === SAMPLE_POSITIONS) this.#findWorst();
    }
  }

  /** What was drawn, in the order of the text. */
  sample(): TextSample {
    const slots = Array.from({ length: this.#count[0]! }, (_, slot) => slot).sort(
      (a, b) => this.#context[a]! - this.#context[b]! || this.#position[a]! - this.#position[b]!,
    );
    const offset = new Uint32Array(slots.length + 1);
    slots.forEach((slot, i) => {
      offset[i + 1] = offset[i]! + this.#length[slot]!;
    });
    const tokens = new Int32Array(offset[slots.length]!);
    slots.forEach((slot, i) => {
      const start = slot * WINDOW;
      tokens.set(this.#tokens.subarray(start, start + this.#length[slot]!), offset[i]!);
    });
    return { offset, tokens, position: Uint32Array.from(slots, (slot) => this.#before[slot]!) };
  }

  /** What a checkpoint must hold. */
  state(): Record<string, PackedArray> {
    return {
      priority: this.#priority,
      context: this.#context,
      position: this.#position,
      before: this.#before,
      length: this.#length,
      tokens: this.#tokens,
      count: this.#count,
    };
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
    for (let slot = 1; slot < this.#count[0]!; slot++) {
      const worst = this.#worst;
      if (this.#isBefore(this.#priority[worst]!, this.#context[worst]!, this.#position[worst]!, slot)) {
        this.#worst = slot;
      }
    }
  }
}
