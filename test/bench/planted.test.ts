import { beforeAll, describe, expect, test } from 'vitest';
import { createTruth, normalQuantile } from '../../bench/monosemantic/truth.mjs';
import { measureUnit } from '../../bench/planted/measure.mjs';
import { realSource } from '../../bench/planted/real.mjs';
import { syntheticSource, toySource } from '../../bench/planted/synthetic.mjs';
import { figures } from '../../bench/planted/tables.mjs';
import { adjustedRand, shares } from '../../bench/planted/truth.mjs';
import { createRandom } from '../../src/base/random.ts';
import { MOST_FEATURES } from '../../src/features/auto.ts';
import { SCATTER_BOUND, SEPARATION_BOUND, verdict } from '../../src/polysemy/verdict.ts';

const bounds = { separation: SEPARATION_BOUND, scatter: SCATTER_BOUND, most: MOST_FEATURES };

interface Planned {
  readonly k: number | 'scatter';
  readonly n: number;
  readonly ratio: number;
}

// biome-ignore lint/suspicious/noExplicitAny: the benchmark is plain JavaScript
type Measured = any;

function measure(source: Measured, units: readonly Planned[], more = {}): Measured[] {
  return units.map((unit, i) => {
    const planted = source.plant({ half: 1, probe: 'lda', ...unit, ...more }, createRandom(3, i));
    expect(planted, JSON.stringify(unit)).not.toBeNull();
    return { ...unit, ...measureUnit(planted, source, false) };
  });
}

const repeat = (times: number, ...units: Planned[]) =>
  units.flatMap((unit) => Array(times).fill(unit) as Planned[]);

const said = (unit: Measured) =>
  verdict(
    {
      examples: unit.n,
      separation: unit.centred.methods.average.auto[1].s,
      relativeDistance: unit.centred.relativeDistance,
    },
    bounds,
  );

describe('units planted on the activations of layer 1 of folio-5m', () => {
  let units: Measured[];
  beforeAll(async () => {
    const plan = {
      model: 'builtin:folio-5m',
      data: 'builtin:sotu',
      contexts: 300,
      context: 128,
      from: 32,
      seed: 4,
    };
    const source = await realSource(plan, 1);
    units = measure(source, [
      ...repeat(6, { k: 2, n: 64, ratio: 1 }, { k: 3, n: 64, ratio: 1 }, { k: 2, n: 64, ratio: 10 }),
      ...repeat(6, { k: 1, n: 64, ratio: 1 }, { k: 'scatter', n: 64, ratio: 1 }),
    ]);
  });

  test('unrelated inputs are near each other, centred they are not', () => {
    for (const { raw, centred } of units) {
      expect(raw.nullDistance).toBeLessThan(0.75);
      expect(centred.nullDistance).toBeGreaterThan(0.9);
      expect(Math.abs(centred.nullDistance - centred.nullDistanceOfAll)).toBeLessThan(0.04);
    }
  });

  test('the cut at 0.5 merges features of raw inputs, and finds those of centred ones', () => {
    const raw = figures(units, 'raw', 'average', 'half', bounds);
    const centred = figures(units, 'centred', 'average', 'half', bounds);
    expect(raw.ari).toBeLessThan(0.6);
    expect(centred.ari).toBeGreaterThan(0.75);
  });

  test.each(['raw', 'centred'])('auto finds the features of %s inputs', (representation) => {
    const found = figures(units, representation, 'average', 'auto', bounds);
    expect(found.ari).toBeGreaterThan(0.85);
    expect(found.exact).toBeGreaterThan(0.7);
  });

  test('scatter is called so, several features are called several', () => {
    expect(units.filter(({ k }) => k === 'scatter').map(said)).toEqual(Array(6).fill('scatter'));
    const several = units.filter(({ k }) => k === 2 || k === 3).map(said);
    expect(several.filter((one) => one === 'several').length / several.length).toBeGreaterThan(0.85);
  });
});

test('synthetic inputs with a shared mean: centring, or the silhouette, finds what the cut at 0.5 merges', () => {
  const source = syntheticSource(
    { dimension: 128, background: 500, active: 20, seed: 1 },
    { rho: 0.6, p: 0.6 },
  );
  const units = measure(
    source,
    repeat(3, { k: 1, n: 64, ratio: 1 }, { k: 3, n: 64, ratio: 1 }, { k: 'scatter', n: 64, ratio: 1 }),
  );
  expect(figures(units, 'raw', 'average', 'half', bounds).ari).toBeLessThan(0.1);
  for (const [representation, rule] of [
    ['centred', 'half'],
    ['centred', 'auto'],
    ['raw', 'auto'],
  ]) {
    expect(figures(units, representation!, 'average', rule!, bounds)).toMatchObject({ exact: 1, split: 0 });
  }
  expect(units.map(said)).toEqual([
    ...Array(3).fill('one'),
    ...Array(3).fill('several'),
    ...Array(3).fill('scatter'),
  ]);
});

test('a unit in toy data has examples of each of its features, of one parent where there are parents', () => {
  const plan = {
    kind: 'hierarchical',
    dimension: 32,
    features: 64,
    parents: 16,
    active: 3,
    vectors: 4000,
    seed: 2,
  };
  const planted = toySource(plan).plant({ half: 0, k: 3, n: 30, ratio: 1 }, createRandom(1));
  const { truth, inputs, weights } = planted!;
  expect(shares(3, 30, 1)).toEqual([10, 10, 10]);
  expect([0, 1, 2].map((feature) => truth.filter((one: number) => one === feature).length)).toEqual([
    10, 10, 10,
  ]);
  expect(inputs.length).toBe(30 * 32);
  expect(weights.length).toBe(32);
});

describe('toy data', () => {
  const shape = { dimension: 24, seed: 5 };

  test('hierarchical: a child only with its parent, in three of four cases', () => {
    const truth = createTruth({ ...shape, kind: 'hierarchical', features: 64, parents: 16, active: 2 });
    const { held } = truth.draw(2000, createRandom(1));
    let [parents, children] = [0, 0];
    for (let b = 0; b < 2000; b++) {
      const own = [...held.subarray(4 * b, 4 * b + 4)].filter((g) => g >= 0);
      for (const g of own) {
        if (truth.parent![g]! < 0) parents++;
        else {
          children++;
          expect(own).toContain(truth.parent![g]);
        }
      }
    }
    expect(parents).toBe(4000);
    expect(children / parents).toBeCloseTo(0.75, 1);
  });

  test('pairs: both of a pair in 60 % of the cases', () => {
    const truth = createTruth({ ...shape, kind: 'pairs', features: 40, active: 1 });
    const { held } = truth.draw(2000, createRandom(1));
    let both = 0;
    for (let b = 0; b < 2000; b++) {
      if (held[2 * b + 1]! < 0) continue;
      both++;
      expect(held[2 * b]! ^ 1).toBe(held[2 * b + 1]);
    }
    expect(both / 2000).toBeCloseTo(0.6, 1);
  });

  test('synth: roots fire as often as published, children with their parent, one of them at most', () => {
    const truth = createTruth({ ...shape, kind: 'synth', features: 200, active: 100, roots: 2 });
    const { held, strengths } = truth.draw(3000, createRandom(1));
    let first = 0;
    for (let b = 0; b < 3000; b++) {
      const own = [...held.subarray(100 * b, 100 * b + 100)].filter((g) => g >= 0);
      if (own.includes(0)) first++;
      const parents = own.map((g) => truth.parent![g]!).filter((p) => p >= 0);
      expect(new Set(parents).size).toBe(parents.length);
      for (const p of parents) expect(own).toContain(p);
    }
    expect(first / 3000).toBeCloseTo(0.4, 1);
    const positive = strengths.filter((value: number) => value > 0);
    expect(positive.reduce((sum: number, value: number) => sum + value, 0) / positive.length).toBeGreaterThan(
      4.5,
    );
  });

  test('quantiles of the normal distribution', () => {
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963985, 6);
    expect(normalQuantile(0.6)).toBeCloseTo(0.253347103, 6);
  });
});

test('adjusted Rand index as scikit-learn gives it', () => {
  expect(adjustedRand([0, 0, 1, 1], [1, 1, 0, 0])).toBe(1);
  expect(adjustedRand([0, 0, 1, 2], [0, 0, 1, 1])).toBeCloseTo(0.5714285714, 9);
  expect(adjustedRand([0, 0, 1, 1], [0, 1, 0, 1])).toBeCloseTo(-0.5, 9);
  expect(adjustedRand([0, 1, 2, 3], [0, 0, 0, 0])).toBe(0);
});
