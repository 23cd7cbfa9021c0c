import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { difference, medianInterval, quantiles } from '../../src/compare/bootstrap.ts';
import { type Comparison, compareSources } from '../../src/compare/compare-banks.ts';
import { drawPool, type ExampleSource, matchedExamples } from '../../src/compare/matched.ts';
import { openStudy, runStudy } from '../../src/index.ts';
import { compareBanks, compareStudyBanks } from '../../src/study/compare-study.ts';
import { POLYSEME } from '../helpers/cli.ts';
import { normals } from '../helpers/saes.ts';
import { NEURONS, writeSmallFolio } from '../helpers/small-folio.ts';

const D = 32;
const CLUSTER = { linkage: 'average', threshold: 0.5 } as const;

/** A bank whose units' inputs lie about `directions` random directions each, `noise` about them; w is all ones. */
function bank(
  name: string,
  {
    units,
    examples,
    directions,
    noise = 0.1,
    seed = 1,
  }: {
    units: number;
    examples: (unit: number) => number;
    directions: number;
    noise?: number;
    seed?: number;
  },
): ExampleSource {
  const counts = Array.from({ length: units }, (_, unit) => examples(unit));
  return {
    name,
    embedding: { kind: 'linear' },
    width: D,
    counts,
    unit(index) {
      const count = counts[index]!;
      const centres = normals(seed * 1000 + index, directions * D, 1);
      const away = normals(seed * 1000 + index + 500, count * D, noise);
      const inputs = away.map((value, i) => value + centres[(Math.floor(i / D) % directions) * D + (i % D)]!);
      return { inputs, weights: new Float32Array(D).fill(1), count };
    },
  };
}

const compared = (comparison: Comparison, name: string) => comparison.banks.find((b) => b.name === name)!;

describe('matched numbers of examples', () => {
  test('are the most that half of the live units of each bank have', () => {
    expect(matchedExamples([{ counts: [64, 64, 10, 0, 0] }, { counts: [40, 30, 20, 10] }])).toBe(30);
    expect(matchedExamples([{ counts: [5] }, { counts: [64, 64] }])).toBe(5);
    expect(matchedExamples([{ counts: [9, 7, 3] }])).toBe(7);
    expect(matchedExamples([{ counts: [0, 0] }, { counts: [64] }])).toBe(0);
  });

  test('keep n from faking a difference', async () => {
    // Examples of no structure at all: k grows with n alone.
    const few = bank('few', { units: 60, examples: () => 12, directions: 12, seed: 1 });
    const many = bank('many', { units: 60, examples: () => 60, directions: 60, seed: 2 });
    const comparison = await compareSources([few, many], CLUSTER, {});
    expect(comparison.examples).toBe(12);
    const [k] = comparison.differences.filter(({ metric }) => metric === 'clusters');
    expect(k!.differs).toBe(false);
    expect(k!.median).toBe(0);
    // Without matching, the same banks differ several-fold.
    const own = await compareSources([many, { ...many, name: 'again' }], CLUSTER, { examples: 60 });
    expect(
      compared(own, 'many').metrics.clusters.median! / compared(comparison, 'many').metrics.clusters.median!,
    ).toBeGreaterThan(2);
  });

  test('leave out units with fewer, and count these and the dead', async () => {
    const a = bank('a', { units: 40, examples: (u) => (u < 5 ? 0 : u < 15 ? 4 : 20), directions: 2 });
    const b = bank('b', { units: 30, examples: () => 24, directions: 2, seed: 2 });
    const comparison = await compareSources([a, b], CLUSTER, {});
    expect(comparison.examples).toBe(20);
    expect(compared(comparison, 'a')).toMatchObject({ units: 40, dead: 5, tooFew: 10, compared: 25 });
    expect(compared(comparison, 'b')).toMatchObject({ units: 30, dead: 0, tooFew: 0, compared: 30 });
    expect(compared(comparison, 'a').metrics.clusters.count).toBe(25);
  });
});

describe('a difference that is there', () => {
  test('is found, and k stands out from its null', async () => {
    const one = bank('one', { units: 50, examples: () => 30, directions: 1, seed: 3 });
    const three = bank('three', { units: 50, examples: () => 30, directions: 3, seed: 4 });
    const comparison = await compareSources([one, three], CLUSTER, {});
    const [a, b] = [compared(comparison, 'one'), compared(comparison, 'three')];
    expect(a.metrics.clusters).toMatchObject({ median: 1, interval: [1, 1] });
    expect(b.metrics.clusters).toMatchObject({ median: 3, interval: [3, 3] });
    // Thirty inputs of other units lie about many more directions.
    expect(a.metrics.clusters.null.median).toBeGreaterThan(10);
    expect(a.belowNull).toBe(1);
    const k = comparison.differences.find(({ metric }) => metric === 'clusters')!;
    expect(k).toMatchObject({ banks: ['one', 'three'], median: -2, superiority: 0, differs: true });
    // Of one cluster there is no silhouette.
    expect(a.metrics.silhouette).toMatchObject({ count: 0, median: null, interval: null });
    expect(comparison.differences.some(({ metric }) => metric === 'silhouette')).toBe(false);
    for (const { metrics } of [a, b]) {
      for (const metric of ['clusters', 'meanDistance'] as const) {
        const { histogram, nullHistogram, count } = metrics[metric];
        expect(histogram.reduce((x, y) => x + y)).toBe(count);
        expect(nullHistogram.reduce((x, y) => x + y)).toBe(count);
        expect(comparison.edges[metric]).toHaveLength(histogram.length + 1);
      }
    }
  });

  test('is not told from unrelated examples where all inputs are alike', async () => {
    const centre = normals(7, D, 1);
    const alike = (name: string, seed: number): ExampleSource => ({
      ...bank(name, { units: 30, examples: () => 20, directions: 1, seed }),
      unit: (index) => ({
        inputs: normals(seed * 100 + index, 20 * D, 0.1).map((value, i) => value + centre[i % D]!),
        weights: new Float32Array(D).fill(1),
        count: 20,
      }),
    });
    const comparison = await compareSources([alike('a', 1), alike('b', 2)], CLUSTER, {});
    for (const { metrics, belowNull } of comparison.banks) {
      expect(metrics.clusters.median).toBe(1);
      expect(metrics.clusters.null.median).toBe(1);
      expect(belowNull).toBe(0.5);
    }
  });

  test('of weights that see one dimension only is none of the inputs', async () => {
    const options = { units: 20, examples: () => 12, directions: 12, seed: 5 };
    const all = bank('all', options);
    const weights = new Float32Array(D).fill(1e-4);
    weights[3] = 1;
    // Positive there, as the inputs of a latent are that sees nothing else.
    const unit = (index: number) => {
      const { inputs, count } = all.unit(index);
      return { inputs: inputs.map((value, i) => (i % D === 3 ? Math.abs(value) : value)), weights, count };
    };
    const comparison = await compareSources([all, { ...all, name: 'one', unit }], CLUSTER, {});
    const [wide, narrow] = ['all', 'one'].map((name) => compared(comparison, name).metrics);
    // Weights of one leave the inputs as they are.
    expect(wide!.inputDistance.median).toBeCloseTo(wide!.meanDistance.median!, 5);
    expect(narrow!.meanDistance.median).toBeLessThan(0.01);
    expect(narrow!.inputDistance.median).toBeGreaterThan(0.9);
    expect(narrow!.inputDistance.null.median).toBeGreaterThan(0.9);
  });

  test('is the same whenever the seed is', async () => {
    const sources = [1, 2].map((seed) =>
      bank(`b${seed}`, { units: 20, examples: () => 20, directions: 4, noise: 0.6, seed }),
    );
    const first = await compareSources(sources, CLUSTER, { examples: 9, resamples: 50 });
    expect(await compareSources(sources, CLUSTER, { examples: 9, resamples: 50 })).toEqual(first);
    expect(await compareSources(sources, CLUSTER, { examples: 9, resamples: 50, seed: 1 })).not.toEqual(
      first,
    );
    const some = await compareSources(sources, CLUSTER, { examples: 9, resamples: 50, units: 7 });
    expect(some.banks.map(({ compared }) => compared)).toEqual([7, 7]);
  });
});

test('the pool of the null holds no input twice', () => {
  const source = bank('a', { units: 20, examples: () => 20, directions: 4 });
  const same = { ...source, unit: () => source.unit(0) };
  expect(drawPool(same, 5, 0).owner).toHaveLength(20);
  expect(drawPool(source, 5, 0).owner).toHaveLength(400);
});

describe('the bootstrap', () => {
  const a = Float64Array.from(normals(1, 101, 1), (value) => Math.round(4 * value));
  const b = Float64Array.from(normals(2, 80, 1), (value) => Math.round(4 * value + 2));

  test('starts from the plain figures', () => {
    let wins = 0;
    for (const x of a) for (const y of b) wins += x > y ? 1 : x === y ? 0.5 : 0;
    const found = difference(a, b, 20, 1)!;
    expect(found.superiority).toBeCloseTo(wins / (a.length * b.length), 12);
    expect(found.median).toBe(quantiles(a).median! - quantiles(b).median!);
    expect(quantiles(Float64Array.of(4, 1, 3, 2))).toEqual({
      count: 4,
      min: 1,
      q1: 1.75,
      median: 2.5,
      q3: 3.25,
      max: 4,
      mean: 2.5,
    });
    expect(difference(a, Float64Array.of(1), 20, 1)).toBeNull();
    expect(medianInterval(Float64Array.of(1), 20, createRandom(1))).toBeNull();
  });

  test('gives intervals that plain resampling gives', () => {
    const random = createRandom(99);
    const values = normals(3, 60, 1);
    const plain = Float64Array.from({ length: 4000 }, () => {
      const drawn = Float64Array.from({ length: 60 }, () => values[random.integer(60)]!).sort();
      return (drawn[29]! + drawn[30]!) / 2;
    }).sort();
    const [low, high] = medianInterval(Float64Array.from(values), 4000, createRandom(1))!;
    expect(Math.abs(low - plain[100]!)).toBeLessThan(0.06);
    expect(Math.abs(high - plain[3899]!)).toBeLessThan(0.06);
    // The normal approximation of the superiority's spread (Mann & Whitney 1947), for groups that are alike.
    const [x, y] = [Float64Array.from(normals(4, 200, 1)), Float64Array.from(normals(5, 200, 1))];
    const { superiorityInterval } = difference(x, y, 1000, 3)!;
    const width = superiorityInterval[1] - superiorityInterval[0];
    expect(Math.abs(width - 2 * 1.96 * Math.sqrt(401 / (12 * 200 * 200)))).toBeLessThan(0.02);
  });
});

describe('over a study', () => {
  const folder = mkdtempSync(join(tmpdir(), 'polyseme-compare-'));
  const out = join(folder, 'study.db');
  beforeAll(async () => {
    const model = writeSmallFolio(join(folder, 'model'), NEURONS);
    await runStudy({ model, out, layers: [0, 3], contexts: 40, context: 32, examples: 10 });
  });

  test('banks are measured on their stored inputs', async () => {
    const study = openStudy(out);
    const comparison = await compareBanks(study, { banks: ['mlp.0', 'mlp.3'], examples: 10, resamples: 100 });
    expect(JSON.parse(JSON.stringify(comparison))).toEqual(comparison);
    for (const { name, metrics, compared } of comparison.banks) {
      // All of a unit's examples, in another order: the figures that the study has.
      const units = study.units({ bank: name }).filter(({ examples }) => examples === 10);
      expect(compared).toBe(units.length);
      expect(metrics.clusters.median).toBe(quantiles(Float64Array.from(units, (u) => u.clusters)).median);
      const stored = quantiles(Float64Array.from(units, (u) => u.meanDistance!));
      expect(metrics.meanDistance.median).toBeCloseTo(stored.median!, 6);
      expect(metrics.clusters.null.count).toBe(units.length);
    }
    study.close();
  });

  test('of strongest examples get no verdict, and the reason', async () => {
    const study = openStudy(out);
    const { unequalDepth, differences } = await compareBanks(study, {
      banks: ['mlp.0', 'mlp.3'],
      units: 20,
      resamples: 20,
    });
    study.close();
    expect(unequalDepth).toEqual([
      'the examples of mlp.0 are its units’ strongest',
      'the examples of mlp.3 are its units’ strongest',
    ]);
    expect(differences.length).toBeGreaterThan(0);
    expect(differences.every(({ differs }) => differs === null)).toBe(true);
    const random = bank('random', { units: 10, examples: () => 9, directions: 1 });
    const strongest = { ...random, name: 'strongest', chosen: 'its units’ strongest' };
    const mixed = await compareSources([random, strongest], CLUSTER, { resamples: 20 });
    expect(mixed.unequalDepth).toEqual(['the examples of strongest are its units’ strongest']);
    expect(mixed.differences.map(({ differs }) => differs)).toEqual(mixed.differences.map(() => null));
  });

  test('banks of several studies are compared under names of their own', async () => {
    const [a, b] = [openStudy(out), openStudy(out)];
    const options = { units: 20, resamples: 20 };
    const both = [
      { study: a, bank: 'mlp.0', name: 'a:mlp.0' },
      { study: b, bank: 'mlp.3', name: 'b:mlp.3' },
    ];
    const found = await compareStudyBanks(both, options);
    expect(found.banks.map(({ name }) => name)).toEqual(['a:mlp.0', 'b:mlp.3']);
    // Bank and name decide which units and examples are drawn; the medians are of the same units.
    expect(found.banks[0]!.units).toBe(NEURONS);
    const other = { ...b, info: () => ({ ...b.info(), options: { ...b.info().options, threshold: 0.4 } }) };
    await expect(
      compareStudyBanks([both[0]!, { ...both[1]!, study: other as never }], options),
    ).rejects.toThrow(/a:mlp.0 was made with threshold 0.5 and b:mlp.3 with threshold 0.4/);
    a.close();
    b.close();
  });

  test('what is wrong is one line', async () => {
    const study = openStudy(out);
    const compare = (banks: string[], more = {}) => compareBanks(study, { banks, ...more });
    await expect(compare(['mlp.0'])).rejects.toThrow('name two or more banks');
    await expect(compare(['mlp.0', 'mlp.0'])).rejects.toThrow('bank mlp.0 is named twice');
    await expect(compare(['mlp.0', 'mlp.1'])).rejects.toThrow(/has no bank mlp.1 \(it has mlp.0, mlp.3\)/);
    await expect(compare(['mlp.0', 'mlp.3'], { examples: 1 })).rejects.toThrow(/examples is 1/);
    await expect(compare(['mlp.0', 'mlp.3'], { examples: 11 })).rejects.toThrow(
      /no unit of mlp.0 has 11 examples/,
    );
    study.close();
  });

  test('from the command line', async () => {
    const call = (...args: string[]) =>
      promisify(execFile)(process.execPath, [...POLYSEME, 'compare', out, ...args]);
    const json = JSON.parse(
      (await call('--banks', 'mlp.0,mlp.3', '--units', '50', '--json')).stdout,
    ) as Comparison;
    expect(json.banks.map(({ name, compared }) => [name, compared])).toEqual([
      ['mlp.0', 50],
      ['mlp.3', 50],
    ]);
    const { stdout } = await call('--banks', 'mlp.0,mlp.3', '--units', '50');
    expect(stdout).toContain('10 examples of every unit');
    expect(stdout).toMatch(/clusters +mlp\.0 +50 /);
    await expect(call()).rejects.toMatchObject({ code: 2 });
  });
});
