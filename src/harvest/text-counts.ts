import type { PackedArray } from '../base/pack.ts';
import type { Context } from '../corpus/contexts.ts';
import { countWords, WordCounter } from '../features/word-counter.ts';
import { RUN_SPELLS_BYTES, wordTexts } from '../features/word-texts.ts';
import type { TapBlock } from '../model/taps.ts';
import { TextSampler } from './text-sample.ts';

/** What is kept of a corpus beside its units: how often its words come, and a random sample of its positions. */
export class TextCounts {
  readonly counter: WordCounter;
  readonly sampler: TextSampler;
  readonly #tokenText: (id: number) => string;

  /** @param options.tokenText text of a token as words see it; `saved`: an earlier `state` */
  constructor(
    options: { readonly tokenText: (id: number) => string },
    seed: number,
    saved?: { readonly words: Uint32Array; readonly sample: Readonly<Record<string, ArrayLike<number>>> },
  ) {
    this.#tokenText = options.tokenText;
    this.counter = new WordCounter(saved?.words);
    this.sampler = new TextSampler(seed, saved?.sample);
  }

  /** Takes in one context of a block; of an image what it shows. */
  take(block: TapBlock<Context>, row: number): void {
    const { id, tokens, image, label } = block.contexts[row]!;
    if (image !== undefined) {
      if (label) this.counter.add(label);
      return;
    }
    countWords(wordTexts(Array.from(tokens, this.#tokenText), RUN_SPELLS_BYTES), this.counter);
    this.sampler.offer(id, tokens, block.text.subarray(row * block.length, (row + 1) * block.length));
  }

  /** What a checkpoint must hold. */
  state(): { words: Uint32Array; sample: Record<string, PackedArray> } {
    return { words: this.counter.buckets, sample: this.sampler.state() };
  }
}
