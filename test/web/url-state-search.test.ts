import { expect, test } from 'vitest';
import { findSearch, parseSearch, stringifySearch } from '../../web/src/ui/url-state.ts';

test('the address of a search keeps what was asked, and nothing else', () => {
  const search = {
    q: '"of the" war',
    parts: 'true',
    bank: 'sae/a b%',
    'min.separation': 0.45,
    page: 3,
  } as const;
  expect(findSearch(parseSearch(stringifySearch(search)))).toEqual(search);
  expect(findSearch({ q: '', page: '1', parts: 'yes', 'min.separation': 'x', other: 'y' })).toEqual({});
  expect(findSearch({ q: 'x'.repeat(999), page: '-2' })).toEqual({ q: 'x'.repeat(200) });
});
