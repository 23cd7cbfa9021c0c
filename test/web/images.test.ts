import { expect, test } from 'vitest';
import { signedRgb } from '../../web/src/charts/colours.ts';
import { chosenUnits } from '../../web/src/classify/chosen-units.ts';
import { centred, channelsOf, shrunk } from '../../web/src/classify/drawn-pixels.ts';
import { cumulativeShares } from '../../web/src/images/cumulative-shares.ts';
import type { ClassifiedUnit } from '../../web/src/source/image-queries.ts';
import { classifySearch } from '../../web/src/ui/url-state.ts';

test('cumulative shares rise from 0 to 1, and are level where nothing is counted', () => {
  const points = cumulativeShares({ lower: [-1, 2, 3], upper: [0, 3, 5], counts: [1, 2, 1] });
  expect(points).toEqual([
    { upTo: -1, share: 0 },
    { upTo: 0, share: 0.25 },
    { upTo: 2, share: 0.25 },
    { upTo: 3, share: 0.75 },
    { upTo: 5, share: 1 },
  ]);
  expect(cumulativeShares({ lower: [], upper: [], counts: [] })).toEqual([]);
});

test('a drawing is shrunk to the means of what its pixels cover', () => {
  const values = Uint8Array.of(0, 100, 8, 8, 200, 100, 8, 12);
  expect(shrunk({ width: 4, height: 2, values }, { width: 2, height: 1 })).toEqual({
    width: 2,
    height: 1,
    values: Uint8Array.of(100, 9),
  });
});

test('a drawing is centred by its mass, by whole pixels', () => {
  const values = new Uint8Array(25);
  values[0] = 90;
  const moved = centred({ width: 5, height: 5, values });
  expect([...moved.values].map((value, i) => (value > 0 ? i : -1)).filter((i) => i >= 0)).toEqual([12]);
  expect(moved.values[12]).toBe(90);
  expect(centred(moved)).toEqual(moved);
  // Nothing has no centre.
  const empty = { width: 2, height: 2, values: new Uint8Array(4) };
  expect(centred(empty)).toEqual(empty);
});

test('each grey stands once for every channel', () => {
  expect(channelsOf({ width: 2, height: 1, values: Uint8Array.of(3, 9) }, 3)).toEqual([3, 3, 3, 9, 9, 9]);
});

test('signed colours are blue below 0, orange above, and fade at 0', () => {
  for (const dark of [false, true]) {
    const [negative, positive] = [signedRgb(-0.5, dark), signedRgb(0.5, dark)];
    expect(negative[2]!).toBeGreaterThan(negative[0]! + 40);
    expect(positive[0]!).toBeGreaterThan(positive[2]! + 40);
    expect(signedRgb(0, dark)).toEqual(dark ? [26, 28, 32] : [255, 255, 255]);
  }
});

test('units are listed from a share of the largest on, with either sign; without shares by their activation', () => {
  const unit = (index: number, shares: number[] | null, relative = 0) =>
    ({ bank: 'mlp.0', index, shares, relative }) as unknown as ClassifiedUnit;
  const units = [unit(0, [1, 0]), unit(1, [-4, 0]), unit(2, [2, 0]), unit(3, [0, 9])];
  const listed = (above: number, id = 0) =>
    chosenUnits(units, { bank: 'mlp.0', id, above }).map((one) => [one.unit.index, one.value]);
  expect(listed(0)).toEqual([
    [1, -4],
    [2, 2],
    [0, 1],
  ]);
  expect(listed(50)).toEqual([
    [1, -4],
    [2, 2],
  ]);
  expect(listed(100, 1)).toEqual([[3, 9]]);
  expect(chosenUnits(units, { bank: 'mlp.1', id: 0, above: 0 })).toEqual([]);
  const bare = [unit(0, null, 0.5), unit(1, null, -2), unit(2, null, 0.9)];
  expect(chosenUnits(bare, { bank: 'mlp.0', id: 0, above: 40 }).map((one) => one.unit.index)).toEqual([2, 0]);
});

test('what a link says of the page is checked', () => {
  expect(classifySearch({ context: '12', label: '7', class: '3', above: '20', more: 'x' })).toEqual({
    context: 12,
    label: '7',
    class: 3,
    above: 20,
  });
  expect(classifySearch({ context: '-1', class: 'a', above: '101' })).toEqual({});
});
