import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { DISTANCE_ERROR, MOST_DISTANCES } from '../../src/contract/site.ts';
import { rowStart } from '../../src/embed/condensed.ts';
import { METRICS } from '../../src/polysemy/column-lists.ts';
import { runStudy } from '../../src/run/run-study.ts';
import { openStudy } from '../../src/study/open-study.ts';
import type { Study } from '../../src/study/study.ts';
import type { Clustering, Polysemy } from '../../web/src/source/answers.ts';
import { ApiError } from '../../web/src/source/http.ts';
import type { Source } from '../../web/src/source/source.ts';
import { NEURONS, writeSmallFolio } from '../helpers/small-folio.ts';
import { bothSources } from '../helpers/sources.ts';
import { writeStudy } from '../helpers/written-study.ts';

// The same questions have the same answers from a study's server and from the site that it is exported as.

const folder = mkdtempSync(join(tmpdir(), 'polyseme-site-'));
const opened: Study[] = [];

afterAll(() => {
  vi.unstubAllGlobals();
  for (const study of opened) study.close();
  rmSync(folder, { recursive: true, force: true });
});

async function sourcesOf(name: string, make: (path: string) => unknown) {
  const path = join(folder, `${name}.db`);
  await make(path);
  const study = openStudy(path);
  opened.push(study);
  mkdirSync(join(folder, name));
  return { study, ...(await bothSources(study, join(folder, name))) };
}

/** What a source answers, or why it does not. */
async function answered<T>(answer: Promise<T>): Promise<T | [number, string]> {
  try {
    return await answer;
  } catch (error) {
    expect(error).toBeInstanceOf(ApiError);
    return [(error as ApiError).status, (error as ApiError).message];
  }
}

/** Holds a clustering against the server's: all but what follows from the distances is the same. */
function expectClustering(site: Clustering, http: Clustering, distances: Float32Array): void {
  const strip = ({ metrics: _, features, ...rest }: Clustering) => ({
    ...rest,
    features: features.map(({ central: __, ...feature }) => feature),
  });
  expect(strip(site)).toEqual(strip(http));
  const within = (name: keyof Polysemy, bound: number): void => {
    const [a, b] = [site.metrics[name], http.metrics[name]];
    expect(a === null, name).toBe(b === null);
    if (a !== null) expect(Math.abs(a - b!), name).toBeLessThanOrEqual(bound);
  };
  for (const name of ['clusters', 'effectiveClusters', 'largestShare'] as const) within(name, 0);
  for (const name of [
    'maxDistance',
    'meanDistance',
    'intraClusterDistance',
    'interClusterDistance',
  ] as const) {
    within(name, DISTANCE_ERROR * 1.01);
  }
  // (b − a)/max(a, b) of distances of 0.1 and more.
  within('silhouette', 20 * DISTANCE_ERROR);
  // Of two examples that are as central, within what 16 bits can tell, either may be taken.
  const count = http.leaves.feature.length;
  const between = (i: number, j: number): number =>
    i === j ? 0 : distances[rowStart(count, Math.min(i, j)) + Math.max(i, j)]!;
  http.features.forEach(({ central, id, size }, i) => {
    const members = http.leaves.feature.flatMap((feature, example) => (feature === id ? [example] : []));
    const sum = (from: number): number => members.reduce((all, to) => all + between(from, to), 0);
    expect(sum(site.features[i]!.central) - sum(central)).toBeLessThanOrEqual(2.01 * size * DISTANCE_ERROR);
  });
}

describe('of a study of the built-in model', () => {
  let http: Source;
  let site: Source;
  let study: Study;
  beforeAll(async () => {
    ({ http, site, study } = await sourcesOf('folio', (out) =>
      runStudy({
        model: writeSmallFolio(join(folder, 'small'), NEURONS),
        contexts: 40,
        layers: [1, 2],
        examples: 24,
        context: 64,
        out,
      }),
    ));
  });

  it('is the same study, in the same banks', async () => {
    expect(await site.study()).toEqual(await http.study());
    expect(await site.banks()).toEqual(await http.banks());
    expect(await site.served()).toEqual(await http.served());
  });

  it('has the same rows in every order, filtered and page by page', async () => {
    for (const params of [
      { sort: 'verdict', order: 'desc' },
      { sort: 'verdict', order: 'desc', offset: 90, limit: 30 },
      {},
      { bank: 'mlp.2', sort: 'separation', order: 'desc', limit: 40 },
      { sort: 'meanDistance', limit: 25, offset: 200 },
      { verdict: 'several', sort: 'silhouette', order: 'desc' },
      { 'min.silhouette': 0.3, 'max.clusters': 6, sort: 'density' },
      { 'min.silhouette': 3 },
      { q: 'the', sort: 'clusters', order: 'desc', limit: 20 },
      { bank: 'mlp.9' },
    ]) {
      const [a, b] = [await answered(site.units(params)), await answered(http.units(params))];
      expect(a, JSON.stringify(params)).toEqual(b);
    }
    const first = await site.units({ sort: 'density', limit: 200 });
    expect(await site.units({ sort: 'density', limit: 200, cursor: first.next! })).toEqual(
      await http.units({ sort: 'density', limit: 200, offset: 200 }),
    );
    expect(first.total).toBe(320);
  });

  it('has the same columns', async () => {
    const [a, b] = [await site.metrics(), await http.metrics()];
    for (const name of ['bank', 'index', ...METRICS] as const) {
      expect(a[name].constructor, name).toBe(b[name].constructor);
      expect(Array.from(a[name]), name).toEqual(Array.from(b[name]));
    }
  });

  it('has the same units, whole, and none that the study has not', async () => {
    const { units } = await http.units({ sort: 'clusters', order: 'desc', limit: 3 });
    const dead = await http.units({ 'max.examples': 0, limit: 1 });
    for (const { bank, index } of [...units, ...dead.units, { bank: 'mlp.1', index: 0 }]) {
      expect(await site.unit(bank, index)).toEqual(await http.unit(bank, index));
      expect(await site.notes(bank, index)).toEqual(await http.notes(bank, index));
      expect(await site.allNotes()).toEqual(await http.allNotes());
      expect(await site.modelNames(bank, index)).toEqual(await http.modelNames(bank, index));
    }
    for (const [bank, index] of [
      ['mlp.1', 160],
      ['mlp.7', 0],
    ] as const) {
      expect(await answered(site.unit(bank, index))).toEqual(await answered(http.unit(bank, index)));
    }
  });

  it('cuts units anew alike: trees, features, names and words are the same', async () => {
    const { units } = await http.units({ sort: 'clusters', order: 'desc', limit: 2 });
    const threes = await http.units({ 'min.examples': 3, 'max.examples': 5, limit: 1 });
    for (const { bank, index } of [...units, ...threes.units]) {
      const distances = (await http.distances(bank, index))!;
      const own = (await site.distances(bank, index))!;
      expect(own.length).toBe(distances.length);
      for (const [i, distance] of own.entries()) {
        expect(Math.abs(distance - distances[i]!)).toBeLessThanOrEqual(DISTANCE_ERROR * 1.001);
      }
      for (const linkage of ['average', 'complete', 'single', 'weighted'] as const) {
        for (const cut of ['auto', 0, 0.3, 0.55, 0.8, 2] as const) {
          const question = { linkage, cut };
          expectClustering(
            await site.clustering(bank, index, question),
            await http.clustering(bank, index, question),
            distances,
          );
        }
      }
    }
  });

  it('maps units alike', async () => {
    const [most] = (await http.units({ sort: 'examples', order: 'desc', limit: 1 })).units;
    const { bank, index } = most!;
    expect(await site.map(bank, index, false)).toEqual(await http.map(bank, index, false));
    const [a, b] = [await site.map(bank, index, true), await http.map(bank, index, true)];
    expect(a.vectors!.length).toBe(b.vectors!.length);
    a.x.forEach((x, i) => {
      expect(Math.abs(x - b.x[i]!)).toBeLessThan(1e-3);
    });
    // Distances of the vectors are what a projection sees.
    const width = b.vectors!.length / b.x.length;
    const gap = ({ vectors }: typeof a, i: number, j: number): number =>
      Math.hypot(
        ...Array.from({ length: width }, (_, k) => vectors![i * width + k]! - vectors![j * width + k]!),
      );
    for (let i = 0; i < b.x.length; i++) {
      for (let j = 0; j < i; j++) expect(Math.abs(gap(a, i, j) - gap(b, i, j))).toBeLessThan(2e-3);
    }
  });

  it('compares banks alike, at equal numbers of examples too', async () => {
    for (const banks of [['mlp.1'], ['mlp.2', 'mlp.1'], ['mlp.1', 'mlp.8']]) {
      expect(await answered(site.compare(banks))).toEqual(await answered(http.compare(banks)));
    }
    expect(await site.matched(['mlp.1', 'mlp.2'])).toEqual(await http.matched(['mlp.1', 'mlp.2']));
  });

  it('finds the same units and passages', async () => {
    for (const params of [
      { q: 'war' },
      { q: '"of the" states', limit: 5, offset: 3 },
      { q: 'congr', parts: true, limit: 12 },
      { q: 'government', bank: 'mlp.2', 'min.separation': 0.3 },
      { q: 'mlp.1' },
      { q: 'mlp.1/37' },
      { q: 'xyzzy' },
    ]) {
      expect(await site.search(params), JSON.stringify(params)).toEqual(await http.search(params));
    }
  });

  it('draws live units by chance', async () => {
    const { bank, index } = await site.random('mlp.2');
    expect(bank).toBe('mlp.2');
    expect(study.detail(bank, index).labels.length).toBeGreaterThan(0);
  });
});

describe('of a study of unusual units and hostile text', () => {
  const counts = [0, 1, 2, 1000, 129];
  let http: Source;
  let site: Source;
  beforeAll(async () => {
    ({ http, site } = await sourcesOf('unusual', (path) =>
      writeStudy({
        path,
        banks: [
          { name: 'sae/a+b%', units: counts.length },
          { name: '../x', units: 1 },
        ],
        examples: (unit) => counts[unit]!,
        contexts: [
          ['<script>alert(1)</script>', '\u202e', '\u0000', '\ud800', '<0xE2>', '<0x80>', '<0x94>', ' fine'],
          ['\n', '</td>', 'é', '</s>', '<s>', ' a', ' b', ' c', ' d'],
        ],
        documents: ['<img src=x onerror=alert(1)>', '\u001b[31m'],
        words: (unit, feature) => [`word${unit}.${feature}`, '<i>', '\u202eback'],
      }),
    ));
  });

  it('answers alike', async () => {
    expect(await site.units({})).toEqual(await http.units({}));
    for (const [index, count] of counts.entries()) {
      const bank = 'sae/a+b%';
      expect(await site.unit(bank, index)).toEqual(await http.unit(bank, index));
      const distances = (await http.distances(bank, index))!;
      expect((await site.distances(bank, index))?.length ?? null).toBe(
        count <= MOST_DISTANCES ? distances.length : null,
      );
      const map = await answered(http.map(bank, index, false));
      expect(await answered(site.map(bank, index, false))).toEqual(map);
    }
    expect(await site.unit('../x', 0)).toEqual(await http.unit('../x', 0));
  });

  it('cuts many examples without their distances: the same features, no distances among the metrics', async () => {
    const question = { linkage: 'complete', cut: 0.9 } as const;
    const [a, b] = [
      await site.clustering('sae/a+b%', 3, question),
      await http.clustering('sae/a+b%', 3, question),
    ];
    expect(a.merges).toEqual(b.merges);
    expect(a.leaves).toEqual(b.leaves);
    expect(a.features.map(({ words }) => words)).toEqual(b.features.map(({ words }) => words));
    const { clusters, effectiveClusters, largestShare } = b.metrics;
    expect(a.metrics).toEqual({
      clusters,
      effectiveClusters,
      largestShare,
      maxDistance: null,
      meanDistance: null,
      intraClusterDistance: null,
      interClusterDistance: null,
      silhouette: null,
    });
  });
});

describe('of a study of images', () => {
  it('answers alike, and has the images', async () => {
    const { http, site, study } = await sourcesOf('images', (out) =>
      runStudy({ model: 'builtin:digits', contexts: 150, examples: 12, out, threads: 1 }),
    );
    expect(await site.study()).toEqual(await http.study());
    const list = { sort: 'verdict', order: 'desc', limit: 20 };
    const { units } = await http.units(list);
    expect((await site.units(list)).units).toEqual(units);
    expect(units[0]!.features[0]!.image).toBeTypeOf('number');
    const { bank, index } = units[0]!;
    const unit = await http.unit(bank, index);
    expect(await site.unit(bank, index)).toEqual(unit);
    const question = { linkage: 'average', cut: 0.6 } as const;
    expectClustering(
      await site.clustering(bank, index, question),
      await http.clustering(bank, index, question),
      (await http.distances(bank, index))!,
    );
    for (const q of ['3', 'seven']) expect(await site.search({ q })).toEqual(await http.search({ q }));
    const { context } = unit.features[0]!.examples[0]!;
    const address = new URL(site.image(context));
    expect(address.pathname).toMatch(/^\/data-\w+\/images\/\d+\/\d+\.png$/);
    const file = readFileSync(join(folder, 'images', 'site', address.pathname));
    expect(file.equals(Buffer.from(study.image(context)!))).toBe(true);
  });
});
