import { expect, it } from 'vitest';
import type { Training } from '../../web/src/source/answers.ts';
import { bankOfTraining } from '../../web/src/trainings/bank-of-training.ts';
import { turns } from '../../web/src/trainings/coinciding.ts';
import { sweepLines } from '../../web/src/trainings/sweep-lines.ts';
import { formatTime } from '../../web/src/ui/time.ts';

const run = (name: string, settings: object, group: string | null = 'sweep') =>
  ({ name, group, settings }) as unknown as Training;
const names = (lines: Training[][]) => lines.map((line) => line.map(({ name }) => name).join(' '));

it('joins what one setting orders, and nothing else', () => {
  const grid = [8, 16].flatMap((k) =>
    [0.3, 0, 1].map((embeddingWeight) => run(`k${k}g${embeddingWeight}`, { k, embeddingWeight, seed: 0 })),
  );
  expect(names(sweepLines(grid))).toEqual(['k8g0 k8g0.3 k8g1', 'k16g0 k16g0.3 k16g1']);
  expect(names(sweepLines([run('b', { k: 16 }), run('a', { k: 8 })]))).toEqual(['a b']);
  // Seeds have no order, trainings of no sweep nothing in common, and equals no order among them.
  expect(sweepLines([run('a', { seed: 0 }), run('b', { seed: 1 })])).toEqual([]);
  expect(sweepLines([run('a', { k: 8 }, null), run('b', { k: 16 }, null)])).toEqual([]);
  expect(sweepLines([run('a', { k: 8, seed: 0 }), run('b', { k: 16, seed: 1 })])).toEqual([]);
});

it('draws curves that hide each other in turns', () => {
  const x = [1, 2, 3];
  const curves = [
    { x, y: [0, 1, 2] },
    { x, y: [0, 1.001, 2] },
    { x, y: [0, 1, 5] },
    { x: [1, 2], y: [0, 1] },
  ];
  const dashes = turns(curves, 5);
  expect(dashes[2]).toBeUndefined();
  const drawn = [dashes[0]!, dashes[1]!, dashes[3]!];
  expect(drawn.map(({ dash }) => dash)).toEqual(['9 18', '9 18', '9 18']);
  expect(new Set(drawn.map(({ offset }) => offset)).size).toBe(3);
  expect(
    turns(
      [
        { x, y: [null, null, 1] },
        { x, y: [null, null, 1] },
      ],
      1,
    ),
  ).toEqual([undefined, undefined]);
});

it('finds the bank that a training has become', () => {
  const site = 'blocks.2.mlp.hook_in';
  const banks = [
    { name: 'mlp.2', site },
    { name: 'sae/k-8', site },
  ];
  const of = (name: string, at = site) => bankOfTraining({ name, settings: { site: at } }, banks);
  expect(of('sweep/k-8')).toBe('sae/k-8');
  expect(of('sweep/k-16')).toBeUndefined();
  expect(of('sweep/k-8', 'blocks.1.mlp.hook_in')).toBeUndefined();
});

it.each([
  [44.2, '45 s'],
  [200, '3 min'],
  [4800, '1 h 20 min'],
  [300_000, '3 days'],
])('says %d seconds as %s', (seconds, said) => {
  expect(formatTime(seconds)).toBe(said);
});
