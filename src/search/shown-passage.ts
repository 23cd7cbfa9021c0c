import type { TokenTexts } from '../features/split-unit.ts';
import { allWordTexts, wordTokens } from '../features/word-texts.ts';
import { spelledAt } from '../tokenizer/byte-tokens.ts';
import { stretchAround } from './index-passages.ts';
import type { Term } from './query.ts';
import { searchWords } from './search-words.ts';

/** Tokens to each side of the peak that are shown of a passage. */
const SHOWN = 16;

/** A passage as it is shown. */
export interface ShownPassage extends TokenTexts {
  /** Of the peak among these tokens. */
  readonly position: number;
  /** Tokens that hold what was searched for, ascending. */
  readonly marked: readonly number[];
}

/** The tokens around a peak, with those marked that hold terms of a query. @param context all tokens of its context */
export function showPassage(
  context: TokenTexts,
  position: number,
  terms: readonly Term[],
  parts: boolean,
): ShownPassage {
  const at = spelledAt(context.tokens, position);
  const words = searchWords(allWordTexts(wordTokens(context)));
  const { start, end } = stretchAround(words, at);
  const marked = new Set<number>();
  for (const term of terms) {
    const { length } = term.words;
    const asPart = parts && !term.quoted && length === 1;
    for (let i = start; i + length <= end; i++) {
      const isFound = term.words.every((word, k) => {
        const { text } = words[i + k]!;
        return asPart ? text.includes(word) : text === word;
      });
      if (!isFound) continue;
      for (let t = words[i]!.first; t <= words[i + length - 1]!.last; t++) marked.add(t);
    }
  }
  const from = Math.max(0, at - SHOWN);
  const to = Math.min(context.tokens.length, at + SHOWN + 1);
  return {
    tokens: context.tokens.slice(from, to),
    special: context.special.filter((token) => token >= from && token < to).map((token) => token - from),
    position: at - from,
    marked: [...marked]
      .filter((token) => token >= from && token < to)
      .map((token) => token - from)
      .sort((a, b) => a - b),
  };
}
