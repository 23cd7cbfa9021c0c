import { expect, it } from 'vitest';
import { placeText } from '../../web/src/ui/metric-info.ts';

it.each([
  [{ rank: 1, of: 9, ties: 1 }, 'highest'],
  [{ rank: 1, of: 9, ties: 3 }, 'highest, tied'],
  [{ rank: 3, of: 9, ties: 1 }, '3rd highest'],
  [{ rank: 3, of: 9, ties: 2 }, '3rd highest, tied'],
  [{ rank: 9, of: 9, ties: 1 }, 'lowest'],
  [{ rank: 4, of: 9, ties: 6 }, 'lowest, tied'],
  [{ rank: 1, of: 9, ties: 9 }, 'all alike'],
  [{ rank: 1, of: 1, ties: 1 }, 'highest'],
])('says at which end %j is', (place, said) => {
  expect(placeText(place)).toBe(said);
});
