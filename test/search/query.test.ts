import { expect, test } from 'vitest';
import { LONGEST_QUERY, parseQuery } from '../../src/search/query.ts';
import { searchWords } from '../../src/search/search-words.ts';

const BANKS = ['mlp.0', 'mlp.1', 'sae/a b', 'sae/x'];
const terms = (text: string) => parseQuery(text, BANKS).terms.map(({ words }) => words.join(' '));
const words = (...tokens: string[]) => searchWords(tokens).map(({ text }) => text);

test('a query has words, phrases in quotes, banks and units', () => {
  expect(parseQuery('mlp.1  War "of The" mlp.1/37', BANKS)).toEqual({
    terms: [
      { words: ['war'], quoted: false },
      { words: ['of', 'the'], quoted: true },
    ],
    banks: ['mlp.1'],
    units: [{ bank: 'mlp.1', index: 37 }],
  });
  expect(parseQuery('sae/x/12 "mlp.1"', BANKS)).toEqual({
    terms: [{ words: ['mlp', '.', '1'], quoted: true }],
    banks: [],
    units: [{ bank: 'sae/x', index: 12 }],
  });
});

test('a bank whose name has spaces is meant by its name alone', () => {
  expect(parseQuery(' sae/a b ', BANKS)).toEqual({ terms: [], banks: ['sae/a b'], units: [] });
  expect(parseQuery('sae/a b/3', BANKS).units).toEqual([{ bank: 'sae/a b', index: 3 }]);
});

test('what splits into several words is a phrase', () => {
  expect(terms('U.S. don’t mlp.9/1')).toEqual(['u . s .', 'don’t', 'mlp . 9 / 1']);
  expect(terms('1,000.5')).toEqual(['1,000.5']);
});

test('a quote that is not closed goes to the end, empty ones are nothing', () => {
  expect(terms('a "b c')).toEqual(['a', 'b c']);
  expect(terms('"" " " \u0000')).toEqual(['\u0000']);
  expect(terms('"')).toEqual(['"']);
  expect(terms('“')).toEqual(['“']);
  expect(terms('')).toEqual([]);
  expect(terms('x'.repeat(10 * LONGEST_QUERY))[0]).toHaveLength(LONGEST_QUERY);
  expect(terms('a '.repeat(100))).toHaveLength(16);
});

test('words are composed and case-folded; scripts without spaces are searched by character', () => {
  expect(words(' Cafe\u0301', ' É')).toEqual(['café', 'é']);
  expect(words(' 東京', 'タワー', ' x東y')).toEqual(['東', '京', 'タ', 'ワ', 'ー', 'x', '東', 'y']);
  expect(words('東', '京')).toEqual(words('東京'));
  expect(words(' 𠮷野')).toEqual(['𠮷', '野']);
  expect(words('\ud800x \udfff')).toEqual(['\ufffd', 'x', '\ufffd']);
});
