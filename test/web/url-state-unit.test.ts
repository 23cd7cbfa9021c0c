import { expect, test } from 'vitest';
import { ofNextUnit, parseSearch, stringifySearch, unitSearch } from '../../web/src/ui/url-state.ts';

test('the address of a unit keeps what is looked at, and nothing malformed', () => {
  const search = { threshold: 0.4, view: 'matrix', beside: '0,2', at: '12,5', alone: 'shown' } as const;
  expect(unitSearch(parseSearch(stringifySearch(search)))).toEqual(search);
  expect(unitSearch({ at: '12', alone: 'yes', feature: '-1', beside: '1,,2' })).toEqual({});
});

test('the way to another unit keeps how units are looked at, not what of one', () => {
  const kept = { threshold: 0.4, view: 'matrix' } as const;
  expect(ofNextUnit({ ...kept, feature: 1, example: 3, at: '1,2', alone: 'shown' })).toEqual(kept);
});
