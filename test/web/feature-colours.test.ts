import { expect, it } from 'vitest';
import { bankColour } from '../../web/src/charts/colours.ts';
import {
  exampleColours,
  exampleMarks,
  featureColour,
  featureMark,
} from '../../web/src/ui/feature-colours.ts';

const feature = (id: number, size = 3) => ({ id, size, members: [2 * id, 2 * id + 1] });

it('gives two dozen features a colour and a mark of their own, and the rest a grey', () => {
  const looks = Array.from({ length: 24 }, (_, id) => {
    const own = feature(id);
    return `${featureColour(own)} ${featureMark(own)}`;
  });
  expect(new Set(looks).size).toBe(24);
  expect(looks.some((look) => look.includes('rest'))).toBe(false);
  expect(featureColour(feature(24))).toBe('var(--f-rest)');
  // A single example is no meaning of its own, unless the unit has no other.
  expect(featureColour(feature(3, 1), 9)).toBe('var(--f-rest)');
  expect(featureMark(feature(9, 1))).toBe(0);
  expect(featureColour(feature(0, 1), 1)).toBe('var(--f0)');
});

it('gives examples the colour and the mark of their feature', () => {
  const features = [feature(0), feature(9)];
  expect(exampleColours(features)[18]).toBe('var(--f1)');
  expect(exampleMarks(features)[19]).toBe(1);
  expect(exampleMarks(features)[1]).toBe(0);
});

it.each([false, true])('tells SAEs from layers by colour (dark: %s)', (dark) => {
  const names = ['mlp.0', 'mlp.1', 'mlp.2', 'sae/a', 'sae/b', 'mine'];
  const colours = names.map((_, i) => bankColour(i, names, dark));
  expect(new Set(colours).size).toBe(names.length);
  const greener = colours.map((colour) => {
    const [red, green, blue] = colour.match(/\d+/g)!.map(Number);
    return green! > red! && green! > blue!;
  });
  expect(greener).toEqual([false, false, false, true, true, false]);
});
