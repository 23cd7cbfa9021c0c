import { WORD } from '../features/words.ts';
import type { Term } from './query.ts';
import { wordPieces } from './search-words.ts';

/**
 * Where a text, such as a name, holds terms of a query: starts and ends in its code units, ascending, none within another.
 * @example
 * console.log(markText('toward a war', [{ words: ['war'], quoted: false }])); // [[9, 12]]
 */
export function markText(text: string, terms: readonly Term[], parts = false): [number, number][] {
  if (terms.length === 0) return [];
  const words = [...text.matchAll(WORD)].flatMap(({ 0: word, index }) => {
    let at = index;
    return wordPieces(word).map((piece) => {
      const start = at;
      at += piece.length;
      return { text: piece.toLowerCase().normalize('NFC'), start, end: at };
    });
  });
  const found: [number, number][] = [];
  for (const term of terms) {
    const { length } = term.words;
    const asPart = parts && !term.quoted && length === 1;
    for (let i = 0; i + length <= words.length; i++) {
      const isFound = term.words.every((word, k) => {
        const { text: own } = words[i + k]!;
        return asPart ? own.includes(word) : own === word;
      });
      if (isFound) found.push([words[i]!.start, words[i + length - 1]!.end]);
    }
  }
  found.sort(([a], [b]) => a - b);
  const marks: [number, number][] = [];
  for (const [start, end] of found) {
    const last = marks.at(-1);
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end);
    else marks.push([start, end]);
  }
  return marks;
}
