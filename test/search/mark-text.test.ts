import { expect, test } from 'vitest';
import { markText } from '../../src/search/mark-text.ts';
import { parseQuery } from '../../src/search/query.ts';

const marked = (text: string, query: string, parts = false) =>
  markText(text, parseQuery(query, []).terms, parts).map(([start, end]) => text.slice(start, end));

test('whole words are marked, whatever their case; parts where they are asked for', () => {
  expect(marked('toward War, wars', 'war')).toEqual(['War']);
  expect(marked('toward War, wars', 'war', true)).toEqual(['toward', 'War', 'wars']);
  expect(marked('of the war of the', '"of the"')).toEqual(['of the', 'of the']);
  expect(marked('of the war', 'war of "the war"')).toEqual(['of', 'the war']);
  expect(marked('İstanbul Cafe\u0301', 'cafÉ')).toEqual(['Cafe\u0301']);
  expect(marked('東京タワー 京', '京')).toEqual(['京', '京']);
  expect(marked('東京タワー', '京タ')).toEqual(['京タ']);
  expect(marked('anything', '')).toEqual([]);
});
