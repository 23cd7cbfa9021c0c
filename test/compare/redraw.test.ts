import { expect, test } from 'vitest';
import type { ExampleSource } from '../../src/compare/matched.ts';
import { compareDraws, type DrawnBank, type Redrawn } from '../../src/compare/redraw.ts';
import { studentQuantile } from '../../src/compare/student.ts';
import { normals } from '../helpers/saes.ts';

const D = 16;
const CLUSTER = { linkage: 'average', threshold: 0.5 } as const;
const SEEDS = 5;

/**
 * A bank of 40 units whose inputs lie `noise` about one direction of each unit; draws are of one population (`seed`), the
 * n-th of every bank from numbers of its own.
 */
function bank(
  name: string,
  {
    noise,
    seed,
    counts = () => 12,
    active = (unit: number) => counts(unit, 0),
  }: {
    noise: number;
    seed: number;
    counts?: (unit: number, draw: number) => number;
    active?: (unit: number) => number;
  },
): DrawnBank {
  const units = Array.from({ length: 40 }, (_, unit) => unit);
  const draw = (_: unknown, s: number): ExampleSource => ({
    name,
    embedding: { kind: 'linear' },
    width: D,
    counts: units.map((unit) => counts(unit, s)),
    unit(index) {
      const count = counts(index, s);
      const centre = normals(index + 1, D, 1);
      const away = normals(seed * 10_000 + s * 100 + index, count * D, noise);
      return {
        inputs: away.map((value, i) => value + centre[i % D]!),
        weights: new Float32Array(D).fill(1),
        count,
      };
    },
  });
  return { name, active: units.map(active), draws: Array.from({ length: SEEDS }, draw) };
}

const metric = ({ banks }: Redrawn, bank: number) => banks[bank]!.metrics.meanDistance;

test('banks of one population are not ranked, others are, beside the noise', async () => {
  const [a, b] = [bank('a', { noise: 0.6, seed: 1 }), bank('b', { noise: 0.6, seed: 2 })];
  const wider = bank('wider', { noise: 0.75, seed: 3 });
  const found = await compareDraws([a, b, wider], CLUSTER, 1000);
  expect(JSON.parse(JSON.stringify(found))).toEqual(found);
  expect(found).toMatchObject({ seeds: SEEDS, examples: 12, tokens: 1000, seed: 0 });
  const between = (one: string, other: string) =>
    found.differences.filter(({ banks }) => banks[0] === one && banks[1] === other);
  expect(between('a', 'b').map(({ verdict }) => verdict)).toEqual(between('a', 'b').map(() => null));
  // Not because they were equal: the means differ, by less than the noise allows to be read.
  const alike = between('a', 'b').find((d) => d.metric === 'meanDistance')!;
  expect(Math.abs(alike.difference)).toBeGreaterThan(0);
  const apart = between('a', 'wider').find((d) => d.metric === 'meanDistance')!;
  expect(apart).toMatchObject({ verdict: 'smaller' });
  expect(-apart.difference).toBeGreaterThan(apart.reliable);
  for (const { difference, reliable, verdict } of found.differences) {
    expect(verdict === null).toBe(Math.abs(difference) <= reliable);
  }
});

test('noise is the standard deviation of the means of the draws, and what can be read follows from it', async () => {
  const found = await compareDraws(
    [bank('a', { noise: 0.6, seed: 1 }), bank('b', { noise: 0.9, seed: 2 })],
    CLUSTER,
    1000,
  );
  const [a, b] = [metric(found, 0), metric(found, 1)];
  const draws = a.draws as number[];
  expect(draws).toHaveLength(SEEDS);
  const mean = draws.reduce((sum, x) => sum + x, 0) / SEEDS;
  const deviation = Math.sqrt(draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (SEEDS - 1));
  expect(a.mean).toBeCloseTo(mean, 14);
  expect(a.noise).toBeCloseTo(deviation, 14);
  expect(a.noise).toBeGreaterThan(0);
  // t₀.₉₇₅ of 4 degrees of freedom is 2.776.
  expect(a.reliable).toBeCloseTo(2.7764451051977934 * Math.SQRT2 * deviation, 12);
  const [difference] = found.differences.filter((d) => d.metric === 'meanDistance');
  expect(difference!.difference).toBeCloseTo(a.mean! - b.mean!, 14);
  expect(difference!.reliable).toBeCloseTo(
    studentQuantile(0.975, SEEDS - 1) * Math.hypot(a.noise!, b.noise!),
    12,
  );
  // Of one cluster in some unit there is no silhouette there; units are counted.
  expect(a.units).toBe(40);
  expect(a.null).toBeGreaterThan(a.mean!);
});

test('units that are left out are counted, with the reason', async () => {
  const some = bank('some', {
    noise: 0.6,
    seed: 1,
    // 3 dead; 7 have enough in four draws of five; the others in all.
    counts: (unit, draw) => (unit < 3 ? 0 : unit < 10 && draw === 2 ? 4 : 12),
  });
  const all = bank('all', { noise: 0.6, seed: 2 });
  const found = await compareDraws([some, all], CLUSTER, 1000);
  expect(found.examples).toBe(12);
  expect(found.banks[0]).toMatchObject({
    units: 40,
    compared: 30,
    leftOut: [
      { reason: 'no text token activates it', units: 3 },
      { reason: 'fewer than 12 tokens activate it in one of 5 parts of the text', units: 7 },
    ],
  });
  expect(found.banks[1]).toMatchObject({ compared: 40, leftOut: [] });
  const drawn = await compareDraws([some, all], CLUSTER, 1000, { units: 8, examples: 4 });
  expect(drawn.banks[0]).toMatchObject({
    compared: 8,
    leftOut: [
      { reason: 'no text token activates it', units: 3 },
      { reason: 'not drawn: each draw takes other units', units: 29 },
    ],
  });
});

test('too little to draw from is one line', async () => {
  const all = bank('all', { noise: 0.6, seed: 2 });
  const rare = bank('rare', { noise: 0.6, seed: 1, counts: (_, draw) => (draw === 0 ? 1 : 9) });
  const dead = bank('dead', { noise: 0.6, seed: 1, counts: () => 0 });
  await expect(compareDraws([all], CLUSTER, 1000)).rejects.toThrow('name two or more banks');
  await expect(compareDraws([all, rare], CLUSTER, 1000)).rejects.toThrow(
    /must have two examples in each of 5 parts of the text: draw from more than 1000 tokens/,
  );
  await expect(compareDraws([all, rare], CLUSTER, 1000, { examples: 9 })).rejects.toThrow(
    /no unit of rare has 9 examples in each of 5 parts of the text \(the most is 1\)/,
  );
  await expect(compareDraws([all, dead], CLUSTER, 1000)).rejects.toThrow(/must have two examples/);
  const once = { ...all, draws: all.draws.slice(0, 1) };
  await expect(compareDraws([once, { ...once, name: 'b' }], CLUSTER, 1000)).rejects.toThrow(/seeds is 1/);
});
