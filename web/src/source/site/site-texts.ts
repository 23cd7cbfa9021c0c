import type { SiteNaming, SiteTokens } from '../../../../src/contract/site.ts';
import { NamingTexts } from '../../../../src/features/naming.ts';
import type { TokenTexts } from '../../../../src/features/split-unit.ts';
import { type CountedWords, countedWords } from '../../../../src/features/word-counter.ts';
import { allWordTexts, wordTokens } from '../../../../src/features/word-texts.ts';
import { spellBytes, wholeCharacters } from '../../../../src/tokenizer/byte-tokens.ts';

/** A context's tokens, and what it shows where it is an image. */
export interface ShownTexts extends TokenTexts {
  readonly label?: string | null | undefined;
}

/** The texts of a site's tokens, and what features that are cut anew are named with, once that is there. */
export class SiteTexts {
  readonly #texts: readonly string[];
  readonly #special: ReadonlySet<number>;
  #naming: { readonly counts: CountedWords; readonly places: NamingTexts | null } | null = null;

  constructor({ texts, special }: SiteTokens) {
    this.#texts = texts;
    this.#special = new Set(special);
  }

  /** Consecutive tokens, by their numbers. */
  of(numbers: Uint16Array | Uint32Array): TokenTexts {
    const special: number[] = [];
    const texts = Array.from(numbers, (number, position) => {
      if (this.#special.has(number)) special.push(position);
      return this.#texts[number]!;
    });
    return { tokens: wholeCharacters(spellBytes(texts), special), special };
  }

  setNaming({ total, words, sample }: SiteNaming): void {
    this.#naming = { counts: countedWords(new Map(words), total), places: sample && this.#places(sample) };
  }

  get wordCounts(): CountedWords {
    return this.#naming!.counts;
  }

  get naming(): NamingTexts | null {
    return this.#naming!.places;
  }

  #places({ offset, tokens, position }: NonNullable<SiteNaming['sample']>): NamingTexts | null {
    // Of images there is no text.
    if (position.length === 0) return null;
    const numbers = Uint32Array.from(tokens);
    return new NamingTexts(
      position.map((at, i) => ({
        texts: allWordTexts(wordTokens(this.of(numbers.subarray(offset[i]!, offset[i + 1]!)))),
        position: at,
      })),
    );
  }
}
