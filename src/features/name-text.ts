import type { Pattern } from './name-search.ts';
import { KINDS, type Kind, kindOf, type PlaceReader } from './places.ts';
import type { WordClass } from './word-forms.ts';

/** Characters of a word that are shown. */
const LONGEST = 32;
/** Inflected forms that are shown of one word. */
const MOST_FORMS = 3;

const OWN_CLASS: Readonly<Record<WordClass, string>> = {
  newline: 'newline',
  digits: 'digits',
  year: 'year',
  capitalised: 'capitalised word',
  capitals: 'word in capitals',
  punctuation: 'punctuation',
  sentenceEnd: 'end of a sentence',
  quote: 'quote',
  month: 'month',
};
const NEXT_CLASS: Readonly<Record<WordClass, string>> = {
  newline: 'a newline',
  digits: 'a number',
  year: 'a year',
  capitalised: 'a capitalised word',
  capitals: 'a word in capitals',
  punctuation: 'punctuation',
  sentenceEnd: 'the end of a sentence',
  quote: 'a quote',
  month: 'a month',
};
/** What stands before what a context is about. */
const LEAD: Readonly<Partial<Record<Kind, string>>> = {
  'after word': 'after',
  'after class': 'after',
  'after pair': 'after',
  'after piece': 'after',
  'before word': 'before',
  'before class': 'before',
  'before pair': 'before',
  'before piece': 'before',
  'two after word': 'two words after',
  'two before word': 'two words before',
  'soon after word': 'soon after',
  'soon before word': 'soon before',
};

/**
 * A pattern as a person would write it: ‹treaty› after "of the", newline after a quote, digits in dates.
 * @param examples facts of the feature's examples: which inflected forms a word has in them
 */
export function patternText(
  { peak, context }: Pattern,
  reader: PlaceReader,
  examples: readonly Float64Array[],
): string {
  const own = anyOf(peak.map((fact) => peakText(fact, reader, examples)));
  const around = contextText(context, reader);
  return own === '' ? around : around === '' ? own : `${own} ${around}`;
}

function peakText(fact: number, reader: PlaceReader, examples: readonly Float64Array[]): string {
  const value = reader.value(fact);
  switch (KINDS[kindOf(fact)]!.name) {
    case 'class':
      return OWN_CLASS[value as WordClass];
    case 'place in word':
      return value === 'first' ? 'start of a word' : 'later part of a word';
    case 'stem':
      return `‹${formsOf(fact, reader, examples).map(short).join('/')}›`;
    default:
      return `‹${short(value)}›`;
  }
}

function contextText(facts: readonly number[], reader: PlaceReader): string {
  if (facts.length === 0) return '';
  const kind = KINDS[kindOf(facts[0]!)]!.name;
  if (kind === 'start') return 'at the start of the text';
  if (kind === 'in date') return 'in dates';
  const values = facts.map((fact) => reader.value(fact));
  if (kind === 'after class' && values[0] === 'sentenceEnd') return 'at the start of a sentence';
  if (kind.endsWith('class')) return `${LEAD[kind]} ${NEXT_CLASS[values[0] as WordClass]}`;
  return `${LEAD[kind]} ${anyOf(values.map(quoted))}`;
}

/** The words with a stem that are peaks of examples, the most frequent first. */
function formsOf(stem: number, reader: PlaceReader, examples: readonly Float64Array[]): string[] {
  const counts = new Map<string, number>();
  for (const facts of examples) {
    if (!facts.includes(stem)) continue;
    const word = reader.value(facts.find((fact) => KINDS[kindOf(fact)]!.name === 'word')!);
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .slice(0, MOST_FORMS)
    .map(([word]) => word);
}

function quoted(text: string): string {
  return /["“”]/.test(text) ? `‹${short(text)}›` : `"${short(text)}"`;
}

function short(text: string): string {
  const characters = Array.from(text.length > 4 * LONGEST ? text.slice(0, 4 * LONGEST) : text);
  return characters.length > LONGEST ? `${characters.slice(0, LONGEST).join('')}…` : characters.join('');
}

/** a, b or c */
function anyOf(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} or ${parts.at(-1)}`;
}
