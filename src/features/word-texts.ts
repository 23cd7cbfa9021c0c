import { brokenBytes, spellBytes, wholeCharacters } from '../tokenizer/byte-tokens.ts';
import { type ExampleWords, exampleWords, LONGEST_REACH } from './words.ts';

// The one rule of which tokens count for words: the run, the server and the explorer all make words of these texts.

/**
 * Whether a run spells byte tokens out before it counts and stores words. It does not yet: the words stored are part of
 * a study's content hash, so this goes with the next version of the study's format. Whatever is read of a study, and
 * every feature that is named anew, has its bytes spelled out.
 */
export const RUN_SPELLS_BYTES = true;

/** A token as words see it: a special token (BOS, `<|endoftext|>`, padding) is a space, which is part of no word. */
export function wordText(text: string, special: boolean): string {
  return special ? ' ' : text;
}

/**
 * The texts of consecutive tokens, from `wordText`, as they are split into words.
 * @param spell whether bytes become the characters that they spell, nothing where a context's end has cut one, else U+FFFD
 */
export function wordTexts(texts: readonly string[], spell = true): readonly string[] {
  return spell ? wholeCharacters(spellBytes(texts)).map(brokenBytes) : texts;
}

/** A token sequence as words see it: how long it is, and `wordText` of each of its tokens. */
export interface WordTokens {
  readonly length: number;
  text(token: number): string;
}

/** A context as it is handed out, with the positions of its special tokens, as words see it. */
export function wordTokens({
  tokens,
  special,
}: {
  readonly tokens: readonly string[];
  readonly special: readonly number[];
}): WordTokens {
  const isSpecial = new Set(special);
  return { length: tokens.length, text: (token) => wordText(tokens[token]!, isSpecial.has(token)) };
}

/** All of a token sequence, ready to be split into words. */
export function allWordTexts({ length, text }: WordTokens): readonly string[] {
  return wordTexts(Array.from({ length }, (_, token) => text(token)));
}

/** The words around the peak of an example: what its feature is named from. */
export function peakWords({ length, text }: WordTokens, position: number, spell = true): ExampleWords {
  // Three tokens more on each side hold the rest of a character that starts or ends there.
  const first = Math.max(0, position - LONGEST_REACH - 3);
  const end = Math.min(length, position + LONGEST_REACH + 4);
  const texts = Array.from({ length: end - first }, (_, i) => text(first + i));
  return exampleWords(wordTexts(texts, spell), position - first);
}
