import { expect, it } from 'vitest';
import { locatePassage } from '../../src/answers/locate-passage.ts';

const found = (text: string, passage: string, expected = 0): string | null => {
  const place = locatePassage(text, passage, expected);
  return place === null ? null : text.slice(place.from, place.to);
};

it('finds a passage as it is, and of several the nearest', () => {
  const text = 'one two three. one two four. one two five.';
  expect(locatePassage(text, ' one two', 14)).toEqual({ from: 15, to: 22 });
  expect(locatePassage(text, 'one two', 100)).toEqual({ from: 29, to: 36 });
  expect(found(text, 'nine')).toBeNull();
  expect(found(text, '  ')).toBeNull();
});

it('finds what a tokenizer has changed: case, accents, spaces, marks of word pieces', () => {
  expect(found('Il était\nUNE fois… à Nîmes.', 'etait une fois')).toBe('était\nUNE fois');
  expect(found('The café, not far.', 'cafe ##, not')).toBe('café, not');
  // One letter that is two when it is decomposed, and one outside the basic plane.
  expect(found('a ﬁne 𝐁ook', 'fine book')).toBe('ﬁne 𝐁ook');
});
