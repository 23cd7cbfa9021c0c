import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unitEmbeddings } from '../../src/bank/embedding.ts';
import { leafOrder } from '../../src/cluster/leaf-order.ts';
import { principalComponents } from '../../src/embed/pca.ts';
import { describeFeatures } from '../../src/features/describe.ts';
import { splitUnit } from '../../src/features/split.ts';
import type { UnitSummary } from '../../src/features/split-unit.ts';
import { METRICS } from '../../src/polysemy/column-lists.ts';
import { runStudy } from '../../src/run/run-study.ts';
import { createServer } from '../../src/server/api.ts';
import { allowedHosts } from '../../src/server/http/headers.ts';
import { compareBanks } from '../../src/study/compare-study.ts';
import { openStudy } from '../../src/study/open-study.ts';
import type { Study } from '../../src/study/study.ts';
import { apiClient } from '../helpers/api-client.ts';
import { writeSmallFolio } from '../helpers/small-folio.ts';

/** Of each of the two layers: more than the 300 that are compared. */
const NEURONS = 400;
let dir: string;
let study: Study;
let api: Awaited<ReturnType<typeof apiClient>>;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'polyseme-server-'));
  const out = join(dir, 'study.db');
  const model = writeSmallFolio(join(dir, 'model'), NEURONS);
  await runStudy({ model, contexts: 20, examples: 8, layers: [0, 1], out });
  study = openStudy(out);
  mkdirSync(join(dir, 'web', 'assets'), { recursive: true });
  writeFileSync(join(dir, 'web', 'index.html'), '<!doctype html><title>explorer</title>');
  writeFileSync(join(dir, 'web', 'assets', 'app-1a2b.js'), `export const x = '${'x'.repeat(6000)}';`);
  api = await apiClient(createServer(study, { webRoot: join(dir, 'web') }));
});

afterAll(() => {
  study?.close();
  rmSync(dir, { recursive: true, force: true });
});

describe('the study', () => {
  it('tells what was run', async () => {
    const answer = await api.get('/api/study');
    const { banks, ...info } = study.info();
    expect(answer).toMatchObject({ ...info, name: 'study.db', metrics: METRICS });
    expect(answer.banks).toEqual(banks);
    expect(answer.status).toBe('complete');
    expect(await api.get('/healthz')).toEqual({ status: 'ok' });
  });

  it('sums up every metric of every bank', async () => {
    const { banks } = await api.get('/api/banks');
    expect(banks.map(({ name }: { name: string }) => name)).toEqual(['mlp.0', 'mlp.1']);
    for (const bank of banks) {
      const units = study.units({ bank: bank.name });
      expect([bank.units, bank.analysed]).toEqual([NEURONS, units.length]);
      expect(bank.dead).toBe(units.filter(({ examples }) => examples === 0).length);
      for (const metric of METRICS) {
        const values = units.map((unit) => unit[metric]).filter((value) => value !== null);
        const { count, min, max, mean, median } = bank.summary[metric];
        const sorted = values.sort((a, b) => a - b);
        expect([count, min, max]).toEqual([values.length, sorted[0] ?? null, sorted.at(-1) ?? null]);
        if (count === 0) {
          expect([metric, mean, median]).toEqual(['expert', null, null]);
          continue;
        }
        expect(mean).toBeCloseTo(values.reduce((a, b) => a + b, 0) / values.length, 10);
        const middle = (sorted[(count - 1) >> 1]! + sorted[count >> 1]!) / 2;
        expect(median).toBeCloseTo(middle, 12);
      }
    }
  });
});

describe('lists of units', () => {
  it('gives all units in pages, sorted as the study sorts them', async () => {
    for (const [sort, order] of [
      ['silhouette', 'asc'],
      ['clusters', 'desc'],
      ['intraClusterDistance', 'desc'],
      ['verdict', 'asc'],
      ['verdict', 'desc'],
    ] as const) {
      const want = study.units({ sort, descending: order === 'desc' });
      const got: unknown[] = [];
      let next: string | null = null;
      do {
        const cursor = next === null ? '' : `&cursor=${next}`;
        const page = await api.get(`/api/units?sort=${sort}&order=${order}&limit=350${cursor}`);
        expect(page.total).toBe(want.length);
        got.push(
          ...page.units.map((row: Record<string, unknown>) => {
            const { sizes: _, stray: __, features: ___, ...unit } = row;
            return unit;
          }),
        );
        next = page.next;
      } while (next !== null);
      expect(got).toEqual(want);
    }
  });

  it('puts those that are several things first, by effective features, then separation', async () => {
    const { units } = await api.get('/api/units?sort=verdict&limit=1000');
    const several = study.units().filter(({ verdict }) => verdict === 'several');
    expect(several.length).toBeGreaterThan(3);
    const want = several.sort(
      (a, b) => b.effectiveFeatures! - a.effectiveFeatures! || b.separation! - a.separation!,
    );
    const names = (list: readonly UnitSummary[]) => list.map(({ bank, index }) => `${bank}/${index}`);
    expect(names(units.slice(0, want.length))).toEqual(names(want));
    const words = units.map(({ verdict }: UnitSummary) => verdict);
    const places = words.map((word: string) => ['several', 'one', 'scatter', 'few', null].indexOf(word));
    expect(places).toEqual([...places].sort());
  });

  it('filters by verdict, and counts verdicts by bank', async () => {
    const { banks } = await api.get('/api/banks');
    for (const { name, verdicts } of banks) {
      for (const [verdict, count] of Object.entries(verdicts)) {
        const { units, total } = await api.get(`/api/units?bank=${name}&verdict=${verdict}&limit=1000`);
        expect(total).toBe(count);
        expect(units.every((unit: UnitSummary) => unit.verdict === verdict)).toBe(true);
      }
    }
    expect((await api.problem('/api/units?verdict=two')).status).toBe(400);
  });

  it('gives the shares of all features, and names and words of the largest', async () => {
    const { units } = await api.get('/api/units?limit=20');
    for (const { bank, index, sizes, stray, features } of units) {
      const unit = study.unit(bank, index);
      const strays = study.features(study.detail(bank, index)).stray ?? [];
      const lost = (feature: { examples: readonly { id: number }[] }) =>
        feature.examples.filter(({ id }) => strays[id] === 1).length;
      expect(sizes).toEqual(unit.features.map((feature) => feature.size - lost(feature)));
      expect(stray).toBe(unit.features.reduce((sum, feature) => sum + lost(feature), 0));
      expect(sizes.reduce((sum: number, size: number) => sum + size, stray)).toBe(unit.examples);
      expect(features).toEqual(unit.features.slice(0, 4).map(({ id, name, words }) => ({ id, name, words })));
    }
  });

  it('filters by bank, ranges and words', async () => {
    const query = '/api/units?bank=mlp.1&min.clusters=3&max.clusters=4&max.meanDistance=0.6&limit=1000';
    const { units, total } = await api.get(query);
    const want = study
      .units({ bank: 'mlp.1' })
      .filter((u) => u.clusters >= 3 && u.clusters <= 4 && u.meanDistance !== null && u.meanDistance <= 0.6);
    expect(want.length).toBeGreaterThan(0);
    expect(total).toBe(want.length);
    expect(units.map(({ index }: { index: number }) => index)).toEqual(want.map(({ index }) => index));

    const withText = await api.get('/api/units?q=UNITED%20states&limit=1000&sort=separation&order=desc');
    const found = await api.get('/api/search?q=united%20states&limit=1000');
    expect(found.total).toBeGreaterThan(0);
    expect(withText.total).toBe(found.total);
    const names = ({ units: of }: { units: { bank: string; index: number }[] }) =>
      of.map(({ bank, index }) => `${bank}/${index}`);
    expect(names(withText).toSorted()).toEqual(names(found).toSorted());
    // The features that were found come first.
    const best = new Map(
      found.units.map((unit: { bank: string; index: number; matches: { feature: number }[] }) => [
        `${unit.bank}/${unit.index}`,
        unit.matches[0]!.feature,
      ]),
    );
    for (const { bank, index, features } of withText.units) {
      expect(features[0].id).toBe(best.get(`${bank}/${index}`));
    }
    expect((await api.get('/api/units?bank=mlp.0&offset=396&limit=10')).units).toHaveLength(4);
  });

  it('gives columns of numbers as arrays', async () => {
    const { bank, index, ...columns } = await api.arrays('/api/metrics');
    expect(Object.keys(columns)).toEqual([...METRICS]);
    const banks = study.info().banks.map(({ name }) => name);
    study.units().forEach((unit, i) => {
      expect([banks[bank![i]!], index![i]]).toEqual([unit.bank, unit.index]);
      for (const metric of METRICS) {
        const value = unit[metric];
        expect(columns[metric]![i]).toBe(value === null ? null : Math.fround(value));
      }
    });
    const some = await api.arrays('/api/metrics?bank=mlp.0&metrics=clusters,mean');
    expect(Object.keys(some)).toEqual(['bank', 'index', 'clusters', 'mean']);
    expect(some['clusters']).toHaveLength(study.units({ bank: 'mlp.0' }).length);
  });

  it('finds units by words around peaks, with facets, a page at a time, and by name', async () => {
    const all = await api.get('/api/search?q=state&limit=1000');
    expect(all.total).toBe(all.units.length);
    for (const { bank, index, found, examples, matches, passage } of all.units) {
      expect(found).toBeLessThanOrEqual(examples);
      expect(matches[0].words).toEqual(study.words(bank, index)[matches[0].feature]);
      expect(passage.feature).toBe(matches[0].feature);
      const { context, position } = study.detail(bank, index);
      expect(passage.context).toBe(context[passage.example]);
      const { tokens } = study.texts(study.contexts([passage.context]).get(passage.context)!.tokens);
      expect(passage.tokens[passage.position]).toBe(tokens[position[passage.example]!]);
      const shown = passage.marked.map((token: number) => passage.tokens[token]).join('');
      if (matches[0].examples > 0) expect(shown.toLowerCase()).toContain('state');
      else expect(shown).toBe('');
    }
    const pages = [];
    for (let offset = 0; offset < all.total; offset += 64) {
      const page = await api.get(`/api/search?q=state&limit=64&offset=${offset}`);
      expect([page.total, page.facets]).toEqual([all.total, all.facets]);
      pages.push(...page.units);
    }
    expect(pages).toEqual(all.units);

    const { facets } = all;
    const sum = facets.banks.reduce((of: number, { units }: { units: number }) => of + units, 0);
    expect(sum).toBe(all.total);
    for (const { bank, units } of facets.banks) {
      const own = await api.get(`/api/search?q=state&bank=${bank}&limit=1000`);
      expect(own.total).toBe(units);
      expect(own.units).toEqual(all.units.filter((unit: { bank: string }) => unit.bank === bank));
      expect(own.facets.banks).toEqual(facets.banks);
    }
    for (const { min, units } of facets.separation) {
      const clear = await api.get(`/api/search?q=state&min.separation=${min}&limit=1000`);
      expect(clear.total).toBe(units);
      const least = (unit: { separation: number | null }) =>
        unit.separation !== null && unit.separation >= min;
      expect(clear.units).toEqual(all.units.filter(least));
    }

    const parts = await api.get('/api/search?q=state&parts=true&limit=1');
    expect(parts.total).toBeGreaterThan(all.total);
    const named = await api.get('/api/search?q=mlp.1/137');
    expect(named.units).toHaveLength(1);
    expect(named.units[0]).toMatchObject({ bank: 'mlp.1', index: 137, found: 0, matches: [], passage: null });
    const bank = await api.get('/api/search?q=mlp.1&limit=3');
    const byVerdict = await api.get('/api/units?bank=mlp.1&sort=verdict&limit=3');
    expect(bank.units.map(({ index }: { index: number }) => index)).toEqual(
      byVerdict.units.map(({ index }: { index: number }) => index),
    );
    expect((await api.get('/api/search?q=mlp.1/137&bank=mlp.0')).total).toBe(0);
    expect((await api.get('/api/search?q=nosuchwordatall')).units).toEqual([]);
  });

  it('picks a unit by chance', async () => {
    const seen = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const { bank, index } = await api.get('/api/random?bank=mlp.1');
      expect(bank).toBe('mlp.1');
      expect(study.unit(bank, index).examples).toBeGreaterThan(0);
      seen.add(`${index}`);
    }
    expect(seen.size).toBeGreaterThan(5);
  });

  it('puts banks side by side', async () => {
    const { banks, matched } = await api.get('/api/compare?banks=mlp.1,mlp.0');
    const counts = ['mlp.1', 'mlp.0'].flatMap((bank) =>
      study.units({ bank }).map(({ examples }) => examples),
    );
    expect(matched).toBe(new Set(counts.filter((count) => count > 0)).size === 1);
    const summaries = (await api.get('/api/banks')).banks;
    for (const [i, name] of ['mlp.1', 'mlp.0'].entries()) {
      expect(banks[i].name).toBe(name);
      for (const metric of METRICS) {
        const { interval, ...quantiles } = banks[i].metrics[metric];
        expect(quantiles).toEqual(summaries[1 - i].summary[metric]);
        expect(interval === null, metric).toBe(quantiles.count === 0);
        if (interval === null) continue;
        expect(interval[0]).toBeLessThanOrEqual(quantiles.median);
        expect(interval[1]).toBeGreaterThanOrEqual(quantiles.median);
      }
    }
  });
});

describe('banks at equal numbers of examples', () => {
  const path = '/api/compare/matched?banks=mlp.0,mlp.1';

  it('are compared as the library compares them, of at most 300 units', async () => {
    const answer = await api.get(path);
    const want = await compareBanks(study, { banks: ['mlp.0', 'mlp.1'], units: 300, seed: 0 });
    expect(answer).toEqual({ ...want, mostUnits: 300 });
    // The study's examples are its units' strongest.
    expect(answer.unequalDepth).toHaveLength(2);
    expect(answer.differences.every(({ differs }: { differs: unknown }) => differs === null)).toBe(true);
    expect(answer.banks.map(({ compared }: { compared: number }) => compared)).toEqual([300, 300]);
  });

  it('lets other requests through, and is made once for those that ask together', async () => {
    const server = createServer(study);
    const ask = async (at: string) => server.fetch(new Request(`http://localhost${at}`));
    let done = 0;
    const both = [ask(path), ask(path)].map((answer) => answer.finally(() => done++));
    for (let i = 0; i < 3; i++) {
      expect((await ask(`/api/units/mlp.0/${i}`)).status).toBe(200);
      await setImmediate();
    }
    expect(done).toBe(0);
    const [one, other] = await Promise.all(both);
    expect(await one!.text()).toBe(await other!.text());
    // Asked again it is not made again: it is there before one that has to be made.
    const order: string[] = [];
    const [, again] = await Promise.all([
      ask('/api/compare/matched?banks=mlp.1,mlp.0').then(() => order.push('made')),
      ask(path).finally(() => order.push('kept')),
    ]);
    expect(order).toEqual(['kept', 'made']);
    expect(again.headers.get('etag')).toBe(one!.headers.get('etag'));
  });

  it('say what is wrong', async () => {
    for (const [banks, status, said] of [
      ['mlp.0', 400, 'banks is "mlp.0"'],
      ['mlp.0,', 400, 'banks is "mlp.0,"'],
      ['a,b,c,d,e,f,g', 400, '6'],
      ['mlp.0,mlp.7', 404, 'no bank "mlp.7" (it has mlp.0, mlp.1)'],
      ['mlp.0,mlp.0', 422, 'bank mlp.0 is named twice'],
    ] as const) {
      const problem = await api.problem(`/api/compare/matched?banks=${banks}`);
      expect(problem.status).toBe(status);
      expect(problem.detail).toContain(said);
    }
    const out = join(dir, 'few.db');
    const model = writeSmallFolio(join(dir, 'small'), 20);
    await runStudy({ model, contexts: 20, examples: 1, layers: [0, 1], out });
    const few = openStudy(out);
    const client = await apiClient(createServer(few));
    const { status, detail } = await client.problem(path);
    few.close();
    expect([status, detail]).toEqual([422, expect.stringContaining('must have two examples')]);
  });
});

describe('a unit', () => {
  it('gives what the study holds of it', async () => {
    for (const index of [0, 3, 200, NEURONS - 1]) {
      const unit = await api.get(`/api/units/mlp.0/${index}`);
      const want = study.unit('mlp.0', index);
      for (const metric of METRICS) expect(unit[metric]).toBe(want[metric]);
      expect(unit.merges).toEqual(want.merges);
      expect([unit.linkage, unit.threshold]).toEqual(['average', 0.5]);
      expect(unit.neighbours).toEqual({
        previous: index === 0 ? null : index - 1,
        next: index === NEURONS - 1 ? null : index + 1,
      });
      expect(unit.features.map(({ id }: { id: number }) => id)).toEqual(want.features.map(({ id }) => id));
      want.features.forEach((feature, f) => {
        const got = unit.features[f];
        expect(got).toMatchObject({ size: feature.size, words: feature.words, central: feature.central });
        feature.examples.forEach((example, e) => {
          const { activation, activations, ...rest } = got.examples[e];
          const { activation: a, activations: all, ...same } = example;
          expect(rest).toEqual(same);
          expect(activation).toBe(Number(a.toPrecision(4)));
          all.forEach((value, t) => {
            expect(Math.abs(activations[t] - value)).toBeLessThanOrEqual(5.01e-4 * Math.abs(value));
          });
          expect(unit.leaves.feature[example.id]).toBe(feature.id);
          expect(unit.leaves.peak[example.id]).toBe(example.tokens[example.position]);
        });
      });
    }
  });

  it('counts every token in its histogram, and ranks it in its bank', async () => {
    const unit = await api.get('/api/units/mlp.1/77');
    const { lower, upper, counts } = unit.histogram;
    expect(counts.reduce((a: number, b: number) => a + b, 0)).toBe(study.info().tokens);
    for (let i = 0; i < lower.length; i++) {
      expect(upper[i]).toBeGreaterThan(lower[i]);
      if (i > 0) expect(lower[i]).toBeGreaterThanOrEqual(upper[i - 1]);
    }
    expect(upper.at(-1)).toBeGreaterThan(unit.maxActivation);
    expect(lower.at(-1)).toBeLessThanOrEqual(unit.maxActivation);
    const bank = study.units({ bank: 'mlp.1' });
    for (const metric of METRICS) {
      const mine = bank[77]![metric];
      const values = bank.map((u) => u[metric]).filter((v) => v !== null);
      const want =
        mine === null
          ? null
          : {
              rank: 1 + values.filter((v) => v > mine).length,
              of: values.length,
              ties: values.filter((v) => v === mine).length,
            };
      expect(unit.ranks[metric]).toEqual(want);
    }
  });

  it('gives fewer examples when asked, with the central one among them', async () => {
    const { units } = await api.get('/api/units?sort=largestShare&order=desc&limit=5');
    for (const { bank, index } of units) {
      const all = await api.get(`/api/units/${bank}/${index}?examples=all`);
      const few = await api.get(`/api/units/${bank}/${index}?examples=2`);
      few.features.forEach((feature: (typeof all.features)[number], f: number) => {
        expect(feature.size).toBe(all.features[f].size);
        expect(feature.examples.length).toBe(Math.min(2, feature.size));
        expect(feature.examples.map(({ id }: { id: number }) => id)).toContain(feature.central);
        for (const example of feature.examples) expect(all.features[f].examples).toContainEqual(example);
      });
    }
  });

  it('clusters it anew as a run would', async () => {
    const { embedding, inputs, weights, centre, count } = study.inputs('mlp.1', 9);
    for (const linkage of ['average', 'complete', 'single', 'weighted'] as const) {
      for (const threshold of [0, 0.37, 0.5, 2]) {
        const want = splitUnit({ embedding, inputs, weights, centre, linkage, threshold });
        const got = await api.get(`/api/units/mlp.1/9/clustering?linkage=${linkage}&threshold=${threshold}`);
        expect(got.merges.flat()).toEqual([...want.tree.merges]);
        const { features, featureOf } = describeFeatures({
          labels: want.labels,
          activations: new Float32Array(count),
          centrals: want.centrals,
          words: null,
        });
        expect(got.leaves.feature).toEqual([...featureOf]);
        expect(got.order).toEqual([...leafOrder(want.tree)]);
        expect(got.metrics).toEqual(want.metrics);
        expect([got.linkage, got.threshold, got.clusters]).toEqual([linkage, threshold, null]);
        expect(
          got.features.map((f: { size: number }) => f.size).reduce((a: number, b: number) => a + b),
        ).toBe(count);
        for (const [i, { id, central, size, words }] of got.features.entries()) {
          expect(id).toBe(i);
          expect(central).toBe(features[i]!.central);
          expect(size).toBe(got.leaves.feature.filter((feature: number) => feature === id).length);
          expect(words.length).toBeGreaterThan(0);
          expect(words.length).toBeLessThanOrEqual(5);
        }
      }
    }
  });

  it("gives the study's own features where nothing is asked for", async () => {
    const { features } = await api.get('/api/units/mlp.1/9');
    const again = await api.get('/api/units/mlp.1/9/clustering');
    expect(again.features).toEqual(
      features.map(({ examples: _, ...feature }: { examples: unknown }) => feature),
    );
    const three = await api.get('/api/units/mlp.1/9/clustering?clusters=3');
    expect([three.clusters, three.threshold, three.metrics.clusters]).toEqual([3, null, 3]);
  });

  it('maps its examples', async () => {
    const { embedding, inputs, weights, centre, count } = study.inputs('mlp.0', 4);
    const rows = unitEmbeddings(embedding, inputs, weights, centre);
    const { coordinates, variance } = principalComponents({ rows, count, components: 8 });
    const map = await api.arrays('/api/units/mlp.0/4/map?vectors=true');
    expect(map['vectors']).toHaveLength(count * 8);
    for (let i = 0; i < count; i++) {
      expect(map['x']![i]).toBeCloseTo(coordinates[8 * i]!, 3);
      expect(map['y']![i]).toBeCloseTo(coordinates[8 * i + 1]!, 3);
      expect(map['vectors']![8 * i]).toBe(map['x']![i]);
    }
    expect(map['variance']).toEqual([variance[0], variance[1]]);
    expect((await api.arrays('/api/units/mlp.0/4/map'))['vectors']).toBeUndefined();
  });

  it('gives the distances between its examples', async () => {
    const { embedding, inputs, weights, centre } = study.inputs('mlp.1', 9);
    const want = splitUnit({ embedding, inputs, weights, centre, linkage: 'average', threshold: 0.5 });
    const { distances } = await api.arrays('/api/units/mlp.1/9/distances');
    expect(distances).toEqual([...want.distances]);
  });
});

describe('bad requests', () => {
  it.each([
    ['/api/units?sort=size', 'query parameter sort is "size"', '"clusters"'],
    ['/api/units?limit=0', 'limit is "0"', '1'],
    ['/api/units?limit=1001', 'limit is "1001"', '1000'],
    ['/api/units?limit=', 'limit is ""', 'number'],
    ['/api/units?min.clusters=many', 'min.clusters is "many"', 'number'],
    ['/api/units?min.clusters=1&min.clusters=2', '"min.clusters" is given twice', ''],
    ['/api/units?colour=red', 'unknown query parameter "colour"', 'sort, order, limit'],
    ['/api/units?__proto__=1', 'unknown query parameter "__proto__"', ''],
    ['/api/units?cursor=5.abc', 'cursor is "5.abc"', 'same query'],
    ['/api/units?cursor=0.a&offset=1', 'exclude each other', ''],
    ['/api/metrics?metrics=clusters,weight', 'metrics is "clusters,weight"', '"clusters"'],
    ['/api/search', 'query parameter q is missing', ''],
    ['/api/compare', 'query parameter banks is missing', ''],
    ['/api/study?x=1', 'unknown query parameter "x"', 'none'],
    ['/api/units/mlp.0/one', 'path parameter index is "one"', 'number'],
    ['/api/units/mlp.0/1.5', 'path parameter index is "1.5"', 'int'],
    ['/api/units/mlp.0/1/clustering?threshold=3', 'threshold is "3"', '2'],
    ['/api/units/mlp.0/1/clustering?threshold=0.5&clusters=2', 'exclude each other', ''],
    ['/api/units/mlp.0/1/clustering?linkage=ward', 'linkage is "ward"', '"average"'],
    ['/api/units/mlp.0/1/map?vectors=yes', 'vectors is "yes"', 'boolean'],
    ['/api/units/mlp.0/1?examples=none', 'examples is "none"', ''],
  ])('%s', async (path, said, allowed) => {
    const { status, detail } = await api.problem(path);
    expect(status).toBe(400);
    expect(detail).toContain(said);
    expect(detail).toContain(allowed);
  });

  it.each([
    ['/api/units/mlp.7/1', 'no bank "mlp.7" (it has mlp.0, mlp.1)'],
    ['/api/units/mlp.0/400', 'units go from 0 to 399'],
    ['/api/units/mlp.0/4294967296', 'units go from 0 to 399'],
    ['/api/units?bank=x', 'no bank "x"'],
    ['/api/random?bank=x', 'no bank "x"'],
    ['/api/compare?banks=mlp.0,', ''],
    ['/api/nothing', 'nothing at /api/nothing'],
    ['/api', 'nothing at /api'],
    ['/api/units/mlp.0', 'nothing at'],
    ['/api/units/%E0%A4%A/1', ''],
  ])('%s', async (path, said) => {
    const { status, detail } = await api.problem(path);
    expect(status).toBe(path.includes('banks=mlp.0,') ? 400 : 404);
    expect(detail).toContain(said);
  });

  it('refuses other methods and other hosts', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const response = await api.fetch('/api/study', { method });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    }
    const server = createServer(study, { hosts: allowedHosts('127.0.0.1') });
    const status = async (host: string) =>
      (await server.fetch(new Request('http://localhost/healthz', { headers: { host } }))).status;
    for (const host of ['localhost', 'localhost:7423', '127.0.0.1:1', '[::1]:7423', 'LOCALHOST']) {
      expect(await status(host)).toBe(200);
    }
    for (const host of [
      'evil.example',
      'evil.example:7423',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      '',
    ]) {
      expect(await status(host)).toBe(403);
    }
    expect(allowedHosts('0.0.0.0')).toBeNull();
  });
});

describe('HTTP', () => {
  it('gives ETags, and 304 for what is known', async () => {
    const first = await api.fetch('/api/units/mlp.0/3');
    const etag = first.headers.get('etag')!;
    expect(first.headers.get('cache-control')).toBe('no-cache');
    for (const tag of [etag, `"x", ${etag}`, '*', etag.slice(2)]) {
      const again = await api.fetch('/api/units/mlp.0/3', { headers: { 'if-none-match': tag } });
      expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag]);
    }
    const other = await api.fetch('/api/units/mlp.0/4', { headers: { 'if-none-match': etag } });
    expect(other.status).toBe(200);
    expect((await api.fetch('/api/random')).headers.get('cache-control')).toBe('no-store');
  });

  it('compresses large answers for those who take it', async () => {
    const plain = await (await api.fetch('/api/units/mlp.0/3')).text();
    for (const accept of ['gzip', 'br, gzip;q=0.5', '*']) {
      const packed = await api.fetch('/api/units/mlp.0/3', { headers: { 'accept-encoding': accept } });
      expect(packed.headers.get('content-encoding')).toBe('gzip');
      expect(packed.headers.get('vary')).toBe('accept-encoding');
      const bytes = Buffer.from(await packed.arrayBuffer());
      expect(Number(packed.headers.get('content-length'))).toBe(bytes.length);
      expect(gunzipSync(bytes).toString()).toBe(plain);
    }
    for (const accept of ['br', 'gzip;q=0', 'identity']) {
      const whole = await api.fetch('/api/units/mlp.0/3', { headers: { 'accept-encoding': accept } });
      expect(whole.headers.get('content-encoding')).toBeNull();
    }
    const small = await api.fetch('/healthz', { headers: { 'accept-encoding': 'gzip' } });
    expect(small.headers.get('content-encoding')).toBeNull();
  });

  it('answers HEAD as GET without the body', async () => {
    const get = await api.fetch('/api/units/mlp.0/3');
    const head = await api.fetch('/api/units/mlp.0/3', { method: 'HEAD' });
    expect(await head.text()).toBe('');
    expect(Object.fromEntries(head.headers)).toEqual(Object.fromEntries(get.headers));
  });

  it('sends its security headers with everything', async () => {
    for (const path of ['/', '/api/study', '/api/random', '/api/none', '/assets/none.js', '/openapi.json']) {
      const { headers } = await api.fetch(path);
      expect(headers.get('content-security-policy')).toBe(
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
      );
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  it('serves the explorer: its files, and index.html for its pages', async () => {
    const page = await api.fetch('/');
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('cache-control')).toBe('no-cache');
    const html = await page.text();
    for (const path of ['/units/mlp.0/3', '/search', '/units/sae%2Fname/3?x=1']) {
      expect(await (await api.fetch(path)).text()).toBe(html);
    }
    const script = await api.fetch('/assets/app-1a2b.js', { headers: { 'accept-encoding': 'gzip' } });
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(script.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(script.headers.get('content-encoding')).toBe('gzip');
    for (const path of ['/assets/none', '/none.js', '/favicon.ico']) {
      expect((await api.fetch(path)).status).toBe(404);
    }
    const bare = createServer(study, { webRoot: join(dir, 'none') });
    expect((await bare.fetch(new Request('http://localhost/'))).status).toBe(404);
  });

  it('describes itself in OpenAPI 3.1, whole and closed', () => {
    const { document } = api;
    expect(document.openapi).toBe('3.1.0');
    const text = JSON.stringify(document);
    const named = new Set(
      [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name),
    );
    expect([...named].sort()).toEqual(Object.keys(document.components.schemas).sort());
    expect(
      [...text.matchAll(/"\$ref":"([^"]*)"/g)].every(([, ref]) => ref!.startsWith('#/components/schemas/')),
    ).toBe(true);
    type Operation = { parameters: { name: string; in: string; required: boolean }[] };
    for (const [path, operations] of Object.entries<Record<string, Operation>>(document.paths)) {
      for (const { parameters } of Object.values(operations)) {
        const inPath = parameters.filter((parameter) => parameter.in === 'path');
        expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
        expect(inPath.every(({ required }) => required)).toBe(true);
      }
    }
    const required = document.paths['/api/units'].get.parameters.filter(
      (p: { required: boolean }) => p.required,
    );
    expect(required).toEqual([]);
  });
});
