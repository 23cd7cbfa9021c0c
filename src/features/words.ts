import { spelledAt } from '../tokenizer/byte-tokens.ts';

/** A word of a token sequence and the tokens that hold it. */
export interface Word {
  /** Lower case; a run of punctuation is a word of its own. */
  readonly text: string;
  /** The first and the last token that hold a part of it. */
  readonly first: number;
  readonly last: number;
}

/** A word as the text writes it. */
export interface WrittenWord extends Omit<Word, 'text'> {
  readonly written: string;
}

/** The words around an example's peak. */
export interface ExampleWords {
  /** The word that holds the peak token; absent where that token is nothing but space. */
  readonly peak?: string;
  /** All words of the window, the peak's among them, in order, with repeats. */
  readonly words: readonly string[];
}

/** The words of an example that is an image: what it shows, where that is known. */
export function labelWords(label: string | null): ExampleWords {
  return label === null ? { words: [] } : { peak: label, words: [label] };
}

/** The words of a feature in a line: a comma may be one of them, so none stands between them. */
export function wordList(words: readonly string[]): string {
  return words.join(' · ');
}

/** Most tokens that a window is extended by, to each side, in search of the ends of its words. */
const MAX_EXTENSION = 32;
/** Tokens to each side of the peak whose words describe an example. */
export const RADIUS = 5;
/** Tokens to each side of the peak that the words around it can depend on. */
export const LONGEST_REACH = RADIUS + MAX_EXTENSION + 1;

// Letters, digits, marks and halves of characters (U+FFFD) make words, with apostrophes inside them and points and
// commas inside numbers; every other run that is not space is punctuation.
export const WORD =
  /([\p{L}\p{M}\p{N}\uFFFD]+(?:(?:['’]|(?<=\p{N})[.,](?=\p{N}))[\p{L}\p{M}\p{N}\uFFFD]+)*)|[^\s\p{L}\p{M}\p{N}\uFFFD]+/gu;
/** The same, and each newline by itself. */
const WORD_OR_NEWLINE = new RegExp(`${WORD.source}|\\n`, WORD.flags);
/** Scripts written without spaces: their words end where their tokens do. */
export const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const BROKEN = /^\uFFFD+$/;

/**
 * Splits a sequence of decoded tokens (" the", "ing", "\n", ".") into whole words, case-folded, whatever token they
 * are spread over. Space belongs to no word. Pass special tokens as a space: they then end a word and are none.
 */
export function splitWords(tokens: readonly string[]): Word[] {
  const words: Word[] = [];
  split(tokens, WORD, (written, first, last) => words.push({ text: written.toLowerCase(), first, last }));
  return words;
}

/** The words as they are written; each newline is a word of its own. */
export function splitLines(tokens: readonly string[]): WrittenWord[] {
  const words: WrittenWord[] = [];
  split(tokens, WORD_OR_NEWLINE, (written, first, last) => words.push({ written, first, last }));
  return words;
}

function split(
  tokens: readonly string[],
  pattern: RegExp,
  add: (written: string, first: number, last: number) => void,
): void {
  const ends = new Uint32Array(tokens.length);
  let text = '';
  for (let token = 0; token < tokens.length; token++) {
    text += tokens[token]!;
    ends[token] = text.length;
  }
  const addWhole = (written: string, first: number, last: number): void => {
    if (!BROKEN.test(written)) add(written, first, last);
  };
  let token = 0;
  for (const match of text.matchAll(pattern)) {
    const end = match.index + match[0].length;
    while (ends[token]! <= match.index) token++;
    const first = token;
    while (ends[token]! < end) token++;
    if (first !== token && match[1] && UNSPACED.test(match[0])) {
      let from = match.index;
      for (let t = first; t <= token; t++) {
        const to = Math.min(end, ends[t]!);
        if (to > from) addWhole(text.slice(from, to), t, t);
        from = to;
      }
    } else addWhole(match[0], first, token);
  }
}

/**
 * The words that the tokens `position − radius` … `position + radius` belong to, whole, case-folded, in order.
 * @param tokens decoded tokens of the example's context
 * @param position index of the peak token
 */
export function wordsAround(tokens: readonly string[], position: number, radius = RADIUS): string[] {
  return window(tokens, position, radius).map((word) => word.text);
}

/**
 * The words around an example's peak, and the one that holds it, for `featureWords`.
 * @param tokens decoded tokens of the example's context (special tokens as a space)
 * @param position index of the peak token
 * @param radius tokens to each side whose words are taken, whole
 * @example
 * console.log(exampleWords(['The', ' cap', 'tain', ' of', ' the', ' ship'], 2, 1).peak); // captain
 */
export function exampleWords(tokens: readonly string[], position: number, radius = RADIUS): ExampleWords {
  const at = spelledAt(tokens, position);
  const words = window(tokens, at, radius);
  const peak = words.filter(({ first, last }) => first <= at && at <= last);
  // A token such as '."' or 'n.' may touch two words: the longer names it, the first of equals.
  peak.sort((a, b) => Number(isWord(b.text)) - Number(isWord(a.text)) || b.text.length - a.text.length);
  return { peak: peak[0]?.text, words: words.map((word) => word.text) };
}

function window(tokens: readonly string[], position: number, radius: number): Word[] {
  const low = Math.max(0, position - radius);
  const high = Math.min(tokens.length - 1, position + radius);
  let start = low;
  while (
    start > 0 &&
    low - start < MAX_EXTENSION &&
    !/^\s/.test(tokens[start]!) &&
    !/\s$/.test(tokens[start - 1]!)
  ) {
    start--;
  }
  let end = high;
  while (
    end < tokens.length - 1 &&
    end - high < MAX_EXTENSION &&
    !/\s$/.test(tokens[end]!) &&
    !/^\s/.test(tokens[end + 1]!)
  ) {
    end++;
  }
  return splitWords(tokens.slice(start, end + 1))
    .map(({ text, first, last }) => ({ text, first: first + start, last: last + start }))
    .filter(({ first, last }) => last >= low && first <= high);
}

function isWord(text: string): boolean {
  return /[\p{L}\p{N}]/u.test(text);
}
