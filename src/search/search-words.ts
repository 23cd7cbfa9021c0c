import { splitWords, UNSPACED, type Word } from '../features/words.ts';

/** Pieces of a word: a character of a script without spaces by itself, with its marks, and what stands between. */
const PIECES = new RegExp(
  `(?:(?!${UNSPACED.source}).)+|${UNSPACED.source}(?:(?!${UNSPACED.source})\\p{M})*`,
  'gsu',
);

/**
 * The words of a text as they are searched: whole, case-folded, composed (NFC). Scripts that are written without spaces
 * have no words that tokens and a query would agree on, so each of their characters is one, and a query for several of
 * them is a phrase.
 * @param texts decoded tokens (see `allWordTexts`); or a query, or a name, as one text
 * @example
 * console.log(searchWords([' Peace', ' tre', 'aty']).map(({ text }) => text)); // ['peace', 'treaty']
 */
export function searchWords(texts: readonly string[]): Word[] {
  return splitWords(texts).flatMap(({ text, first, last }) => {
    const word = text.replace(/\p{Cs}/gu, '\uFFFD').normalize('NFC');
    return wordPieces(word).map((piece) => ({ text: piece, first, last }));
  });
}

/** The words that a word is searched as: itself, or its characters and what stands between them. */
export function wordPieces(word: string): readonly string[] {
  return UNSPACED.test(word) ? word.match(PIECES)! : [word];
}
