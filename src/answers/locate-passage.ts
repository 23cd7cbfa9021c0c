import { brokenBytes } from '../tokenizer/byte-tokens.ts';

/** Characters of a text that are looked through letter by letter. */
const MOST_FOLDED = 4_000_000;

/**
 * Where a passage stands in a text: from, to. As it is, or else by its letters and digits alone, since tokens may have other case,
 * accents and spaces than the text they are of. Of several places the one nearest to `expected`; null where there is none.
 */
export function locatePassage(
  text: string,
  passage: string,
  expected: number,
): { readonly from: number; readonly to: number } | null {
  // A context may begin or end within a character, whose bytes are then none.
  const exact = brokenBytes(passage).replace(/^[\s\ufffd]+|[\s\ufffd]+$/g, '');
  if (exact === '') return null;
  const at = nearestTo(text, exact, expected);
  if (at >= 0) return { from: at, to: at + exact.length };
  const folded = fold(text.slice(0, MOST_FOLDED));
  const wanted = fold(brokenBytes(passage)).letters;
  if (wanted === '') return null;
  const share = folded.letters.length / Math.max(1, text.length);
  const found = nearestTo(folded.letters, wanted, expected * share);
  if (found < 0) return null;
  const last = folded.places[found + wanted.length - 1]!;
  return { from: folded.places[found]!, to: last + String.fromCodePoint(text.codePointAt(last)!).length };
}

function nearestTo(text: string, wanted: string, expected: number): number {
  let best = text.indexOf(wanted);
  for (let at = best; at >= 0; at = text.indexOf(wanted, at + 1)) {
    if (Math.abs(at - expected) > Math.abs(best - expected)) break;
    best = at;
  }
  return best;
}

/** Letters and digits without case and accents, and where each of their code units is from. */
function fold(text: string): { letters: string; places: Int32Array } {
  const letters: string[] = [];
  const places: number[] = [];
  let at = 0;
  for (const character of text) {
    for (const part of character.normalize('NFKD').toLowerCase()) {
      if (!/[\p{L}\p{N}]/u.test(part)) continue;
      letters.push(part);
      for (let i = 0; i < part.length; i++) places.push(at);
    }
    at += character.length;
  }
  return { letters: letters.join(''), places: Int32Array.from(places) };
}
