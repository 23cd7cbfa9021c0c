/** What a word is, beside which word it is: bits. Where two say the same of a feature's examples, the first names it. */
export const WORD_CLASSES = {
  newline: 1,
  year: 2,
  digits: 4,
  month: 8,
  capitals: 16,
  capitalised: 32,
  quote: 64,
  sentenceEnd: 128,
  punctuation: 256,
} as const;
export type WordClass = keyof typeof WORD_CLASSES;

const MONTHS = new Set(
  'january february march april may june july august september october november december'.split(' '),
);
const QUOTE = /["“”„«»‘]/;
const LONGEST_SUFFIXED = 40;

/** The classes of a word as it is written. */
export function classesOf(written: string): number {
  const of = WORD_CLASSES;
  if (written === '\n') return of.newline;
  if (/^\p{N}[\p{N}.,]*$/u.test(written)) {
    return of.digits | (/^1[5-9]\d\d$|^20\d\d$/.test(written) ? of.year : 0);
  }
  if (!/[\p{L}\p{N}]/u.test(written)) {
    return (
      of.punctuation | (QUOTE.test(written) ? of.quote : 0) | (/[.!?…]/.test(written) ? of.sentenceEnd : 0)
    );
  }
  if (!/^\p{Lu}/u.test(written)) return 0;
  const capitals = /^\p{Lu}{2,}$/u.test(written) ? of.capitals : 0;
  return (capitals || of.capitalised) | (MONTHS.has(written.toLowerCase()) ? of.month : 0);
}

/**
 * What the inflected forms of an English word have in common, so that treaty and treaties, or vote, voted and voting, are
 * one. It is no dictionary: words that only look alike may be one too, so a name shows the forms that occur.
 * @param word in lower case
 */
export function stemOf(word: string): string {
  if (word.length > LONGEST_SUFFIXED) return word;
  let stem = word.replace(/['’]s?$/, '');
  if (!/^\p{L}{4,}$/u.test(stem)) return stem;
  if (/ies$/.test(stem) && stem.length > 4) return `${stem.slice(0, -3)}y`;
  if (/(?:ss|sh|ch|x|z)es$/.test(stem)) stem = stem.slice(0, -2);
  else if (/[^sui]s$/.test(stem)) stem = stem.slice(0, -1);
  else {
    const verb = stem.replace(/(?:ed|ing)$/, '');
    if (verb.length >= 3 && verb !== stem && /[aeiouy]/.test(verb)) {
      if (/ied$/.test(stem)) return `${stem.slice(0, -3)}y`;
      stem = verb.replace(/([bdgmnprt])\1$/, '$1');
    }
  }
  return stem.length > 3 ? stem.replace(/e$/, '') : stem;
}
