import { expect, test } from 'vitest';
import { PolysemeError } from '../../src/errors.ts';
import { mostExamples } from '../../src/run/most-examples.ts';

const asked = { select: 'fraction', linkage: 'average', features: 'auto' } as const;

test('a unit keeps no more examples than distances of all pairs can be held of, and a line says so', () => {
  expect(mostExamples({ ...asked, examples: 11_585 })).toEqual({ examples: 11_585, note: null });
  const { examples, note } = mostExamples({ ...asked, examples: 20_000 });
  expect(examples).toBe(11_585);
  expect(note).toMatch(
    /^option examples is 20000: a unit that has more keeps 11585, chosen evenly by the seed; above/,
  );
  expect(mostExamples({ ...asked, select: 'top', examples: 20_000 }).note).toContain('11585, the largest');
});

test('single linkage with features cut keeps all', () => {
  const single = { ...asked, linkage: 'single', features: 'cut', examples: 100_000 } as const;
  expect(mostExamples(single)).toEqual({ examples: 100_000, note: null });
  expect(mostExamples({ ...single, features: 'auto' }).examples).toBe(11_585);
});

test('quantiles would be of other bands: refused before anything is computed', () => {
  const quantiles = () => mostExamples({ ...asked, select: 'quantiles', examples: 20_000 });
  expect(quantiles).toThrow(PolysemeError);
  expect(quantiles).toThrow(/option examples is 20000, by quantiles: above 11585/);
});
