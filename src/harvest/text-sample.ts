import { hashText, mix32 } from '../base/hash.ts';
import type { PackedArray } from '../base/pack.ts';
import type { TextPlace } from '../features/naming.ts';
import { wordTexts } from '../features/word-texts.ts';
import { HashDraw } from './hash-draw.ts';

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
 * 2,000 text positions drawn at random, as they come by, whatever their order and whichever banks are studied
 * (`HashDraw`).
 */
export class TextSampler {
  readonly #draw: HashDraw;
  /** Of each window: how many of its tokens stand before the position, and how many there are. */
  readonly #before = new Uint32Array(SAMPLE_POSITIONS);
  readonly #length = new Uint32Array(SAMPLE_POSITIONS);
  readonly #tokens = new Int32Array(SAMPLE_POSITIONS * WINDOW);

  constructor(seed: number, saved?: Readonly<Record<string, ArrayLike<number>>>) {
    this.#draw = new HashDraw(SAMPLE_POSITIONS, mix32(hashText('text sample') ^ seed));
    if (saved === undefined) return;
    this.#draw.restore(saved);
    for (const [name, array] of Object.entries(this.#windows())) array.set(saved[name]!);
  }

  /** Offers the text positions of a context. @param isText 1 where a position is text */
  offer(context: number, tokens: Int32Array, isText: Uint8Array): void {
    for (let position = 0; position < tokens.length; position++) {
      if (isText[position] === 0) continue;
      const first = Math.max(0, position - SAMPLE_REACH);
      this.#offer(context, position, position - first, () =>
        tokens.subarray(first, position + SAMPLE_REACH + 1),
      );
    }
  }

  /** What was drawn with its places, in the order of the text, for `merge`. */
  packed(): TextSample & { readonly contexts: Uint32Array; readonly places: Uint32Array } {
    const places = this.#draw.byText().map((slot) => this.#draw.place(slot));
    return {
      ...this.sample(),
      contexts: Uint32Array.from(places, ({ context }) => context),
      places: Uint32Array.from(places, ({ position }) => position),
    };
  }

  /** Draws from what others drew, too. */
  merge({ contexts, places, offset, tokens, position }: ReturnType<TextSampler['packed']>): void {
    contexts.forEach((context, i) => {
      this.#offer(context, places[i]!, position[i]!, () => tokens.subarray(offset[i], offset[i + 1]));
    });
  }

  /** What was drawn, in the order of the text. */
  sample(): TextSample {
    const slots = this.#draw.byText();
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
    return { ...this.#draw.state(), ...this.#windows() };
  }

  /** @param before tokens of the window that stand before the position */
  #offer(context: number, position: number, before: number, window: () => Int32Array): void {
    const slot = this.#draw.offer(context, position);
    if (slot === -1) return;
    const tokens = window();
    this.#before[slot] = before;
    this.#length[slot] = tokens.length;
    this.#tokens.set(tokens, slot * WINDOW);
  }

  #windows() {
    return { before: this.#before, length: this.#length, tokens: this.#tokens };
  }
}
