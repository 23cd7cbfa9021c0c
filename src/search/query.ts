import { searchWords } from './search-words.ts';

/** Words that are looked for one after the other; all terms of a query must be found. */
export interface Term {
  readonly words: readonly string[];
  /** A phrase in quotes is looked for as it is, even where parts of words are asked for. */
  readonly quoted: boolean;
}

/** A query, read. */
export interface SearchQuery {
  readonly terms: readonly Term[];
  /** Banks that it names: only their units are meant. */
  readonly banks: readonly string[];
  /** Units that it names; those of banks that the study has. */
  readonly units: readonly { readonly bank: string; readonly index: number }[];
}

/** Characters and terms of a query. */
export const LONGEST_QUERY = 200;
const MOST_TERMS = 16;

const PIECE = /"([^"]+)(?:"|$)|""|[^\s"]+|"/g;

/**
 * Reads a query: words, "phrases in quotes", banks (`mlp.1`), and units (`mlp.1/37`).
 * @param banks names of the study's banks
 * @example
 * const { terms, banks } = parseQuery('mlp.1 "of the" war', ['mlp.0', 'mlp.1']);
 * console.log(banks, terms.map(({ words }) => words)); // ['mlp.1'] [['of', 'the'], ['war']]
 */
export function parseQuery(text: string, banks: readonly string[]): SearchQuery {
  const found = {
    terms: [] as Term[],
    banks: [] as string[],
    units: [] as { bank: string; index: number }[],
  };
  // The name of a bank may have spaces in it.
  const whole = text.trim();
  const named = unitOf(whole, banks);
  if (named !== null) return { ...found, units: [named] };
  if (banks.includes(whole)) return { ...found, banks: [whole] };
  for (const [piece, quoted] of text.slice(0, LONGEST_QUERY).matchAll(PIECE)) {
    const unit = quoted === undefined ? unitOf(piece, banks) : null;
    if (unit !== null) found.units.push(unit);
    else if (quoted === undefined && banks.includes(piece)) found.banks.push(piece);
    else if (piece !== '""') {
      const words = searchWords([quoted ?? piece]).map(({ text: word }) => word);
      if (words.length > 0 && found.terms.length < MOST_TERMS) {
        found.terms.push({ words, quoted: quoted !== undefined });
      }
    }
  }
  return found;
}

function unitOf(text: string, banks: readonly string[]): { bank: string; index: number } | null {
  const [, bank, index] = /^(.+)\/(\d{1,9})$/.exec(text) ?? [];
  return bank !== undefined && banks.includes(bank) ? { bank, index: Number(index) } : null;
}
