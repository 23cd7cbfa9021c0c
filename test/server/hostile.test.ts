import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServer } from '../../src/server/api.ts';
import { openStudy } from '../../src/study/open-study.ts';
import type { Study } from '../../src/study/study.ts';
import { StudyWriter } from '../../src/study/writer.ts';
import { apiClient } from '../helpers/api-client.ts';
import { type WrittenStudy, writeStudy, writtenUnit } from '../helpers/written-study.ts';

const LARGE = 'x'.repeat(1 << 20);
const TEXTS = [
  ['<script>alert(1)</script>', '</script', '&amp;', '"', '\\', "'"],
  ['\u202eright to left', '\u2067', '\u200f', 'مرحبا', '\u2028', '\u2029'],
  ['a\0b', '\0', '\u0001', '\u001b[31m', '\n', '\r\n', '\t', ''],
  ['\ud800', '\udc00z', 'half\ud83d', '👍', '日本語', 'e\u0301', '\ufffd', '\ufeff'],
  [LARGE, ' end'],
  ['__proto__', 'constructor', 'toString', 'null'],
];
const BANKS = ['sae/a+b%2F?#&<script>', 'sae/日本', '../../etc/passwd', '__proto__', 'a"b'];

let dir: string;
const open: Study[] = [];

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'polyseme-hostile-'));
});

afterAll(() => {
  for (const study of open) study.close();
  rmSync(dir, { recursive: true, force: true });
});

async function served(name: string, study: Omit<WrittenStudy, 'path'>) {
  const path = join(dir, `${name}.db`);
  writeStudy({ path, ...study });
  const opened = openStudy(path);
  open.push(opened);
  return { study: opened, api: await apiClient(createServer(opened)) };
}

describe('hostile text', () => {
  it('passes through as data: tokens, documents, words and bank names come back equal', async () => {
    const documents = TEXTS.map(([text]) => `doc ${text!.slice(0, 50)}`);
    const words = (unit: number, feature: number): string[] =>
      [`w${unit}`, ...TEXTS[(unit + feature) % 4]!].slice(0, 5);
    const banks = BANKS.map((name) => ({ name, units: 3 }));
    const { api } = await served('text', { banks, examples: () => 8, contexts: TEXTS, documents, words });
    for (const bank of BANKS) {
      for (let index = 0; index < 3; index++) {
        const url = `/api/units/${encodeURIComponent(bank)}/${index}`;
        const unit = await api.get(`${url}?examples=all`);
        expect([unit.bank, unit.index]).toEqual([bank, index]);
        unit.features.forEach((feature: (typeof unit.features)[number], f: number) => {
          expect(feature.words).toEqual(words(index, f));
          for (const example of feature.examples) {
            // Not toEqual: a difference in the large token would be printed.
            expect(example.tokens.length).toBe(TEXTS[example.context]!.length);
            expect(example.tokens.every((t: string, i: number) => t === TEXTS[example.context]![i])).toBe(
              true,
            );
            expect(example.document).toBe(documents[example.context]);
            expect(example.activations).toHaveLength(TEXTS[example.context]!.length);
          }
        });
        await api.get(`${url}/clustering?threshold=0.9`);
        await api.arrays(`${url}/map`);
      }
      const list = await api.get(`/api/units?bank=${encodeURIComponent(bank)}`);
      expect(list.units.map((u: { features: { words: string[] }[] }) => u.features[0]!.words)).toEqual(
        [0, 1, 2].map((u) => words(u, 0)),
      );
      expect((await api.get(`/api/search?q=${encodeURIComponent(`${bank}/1`)}`)).units[0]).toMatchObject({
        bank,
        index: 1,
      });
    }
    expect((await api.get('/api/search?q=%3Cscript%3Ealert')).total).toBeGreaterThan(0);
    expect((await api.get('/api/search?q=%00')).total).toBeGreaterThan(0);
    const study = await api.get('/api/study');
    expect(study.banks.map(({ name }: { name: string }) => name)).toEqual(BANKS);
    expect(new Set((await api.arrays('/api/metrics'))['bank'])).toEqual(new Set(BANKS.keys()));
  });
});

describe('studies of every size', () => {
  const contexts = Array.from({ length: 40 }, (_, c) =>
    Array.from({ length: 16 }, (_, t) => ` t${(c * 7 + t) % 90}`),
  );
  const everything = async (api: Awaited<ReturnType<typeof apiClient>>, bank: string, index: number) => {
    for (const path of ['/api/study', '/api/banks', '/api/units', '/api/random', '/api/search?q=word']) {
      await api.get(path);
    }
    await api.arrays('/api/metrics');
    await api.get(`/api/compare?banks=${bank},${bank}`);
    const unit = await api.get(`/api/units/${bank}/${index}`);
    for (const query of ['', '?clusters=2', '?linkage=single&threshold=1']) {
      const { leaves, order } = await api.get(`/api/units/${bank}/${index}/clustering${query}`);
      expect([leaves.feature.length, order.length]).toEqual([unit.examples, unit.examples]);
    }
    const { distances } = await api.arrays(`/api/units/${bank}/${index}/distances`);
    expect(distances).toHaveLength((unit.examples * (unit.examples - 1)) / 2);
    const map = await api.arrays(`/api/units/${bank}/${index}/map?vectors=true`);
    expect(map['x']).toHaveLength(unit.examples);
    expect(map['vectors']!.length % Math.max(1, unit.examples)).toBe(0);
    return unit;
  };

  it('no examples at all', async () => {
    const { api } = await served('none', {
      banks: [{ name: 'b', units: 2 }],
      examples: () => 0,
      contexts: [['a']],
    });
    const unit = await everything(api, 'b', 0);
    expect(unit).toMatchObject({ examples: 0, clusters: 0, maxActivation: null, features: [], merges: [] });
    expect((await api.get('/api/units')).units[0].features).toEqual([]);
    expect((await api.get('/api/banks')).banks[0].dead).toBe(2);
  });

  it('one unit with one example', async () => {
    const { api } = await served('one', { banks: [{ name: 'b', units: 1 }], examples: () => 1, contexts });
    const unit = await everything(api, 'b', 0);
    expect(unit).toMatchObject({
      examples: 1,
      clusters: 1,
      meanDistance: null,
      silhouette: null,
      merges: [],
    });
    expect(unit.neighbours).toEqual({ previous: null, next: null });
    expect(unit.ranks).toMatchObject({ clusters: { rank: 1, of: 1 }, silhouette: null });
  });

  it('two examples, and units with and without', async () => {
    const { api } = await served('two', {
      banks: [{ name: 'b', units: 4 }],
      examples: (u) => 2 * (u % 2),
      contexts,
    });
    await everything(api, 'b', 1);
    for (let i = 0; i < 20; i++) expect((await api.get('/api/random')).index % 2).toBe(1);
  });

  it('1,000 examples a unit', async () => {
    const { api } = await served('many', {
      banks: [{ name: 'b', units: 2 }],
      examples: () => 1000,
      contexts,
    });
    const unit = await everything(api, 'b', 1);
    expect(unit.leaves.feature).toHaveLength(1000);
    const shown = unit.features.map(({ examples }: { examples: unknown[] }) => examples.length);
    expect(Math.max(...shown)).toBe(20);
    const all = await api.get('/api/units/b/1?examples=all');
    const ids = all.features.flatMap(({ examples }: { examples: { id: number }[] }) =>
      examples.map(({ id }) => id),
    );
    expect(ids.sort((a: number, b: number) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });

  it('more examples than can be clustered while one waits', async () => {
    const { api } = await served('huge', {
      banks: [{ name: 'b', units: 1 }],
      examples: () => 4100,
      contexts,
    });
    expect((await api.get('/api/units/b/0')).examples).toBe(4100);
    const { status, detail } = await api.problem('/api/units/b/0/clustering');
    expect([status, detail]).toEqual([422, expect.stringContaining('4100 examples')]);
  });

  it('no units yet', async () => {
    const { api } = await served('empty', {
      banks: [{ name: 'b', units: 1 }],
      examples: () => 1,
      contexts,
      without: [0],
    });
    expect(await api.get('/api/study')).toMatchObject({
      status: 'unfinished',
      examples: 0,
      contentHash: null,
    });
    expect((await api.get('/api/units')).total).toBe(0);
    expect((await api.get('/api/banks')).banks[0]).toMatchObject({ units: 1, analysed: 0 });
    await api.arrays('/api/metrics');
    await api.get('/api/compare?banks=b');
    expect((await api.problem('/api/random')).status).toBe(404);
    expect((await api.problem('/api/units/b/0')).detail).toContain('its run was not finished');
  });
});

describe('an unfinished study', () => {
  it('shows what it has, and the rest when it comes; its writer can finish meanwhile', async () => {
    const contexts = [[' a', ' b'], [' c']];
    const units = {
      banks: [
        { name: 'a', units: 2 },
        { name: 'b', units: 3 },
      ],
      examples: () => 4,
      contexts,
    };
    const { api } = await served('growing', { ...units, without: [1] });
    expect((await api.get('/api/study')).status).toBe('unfinished');
    expect((await api.get('/api/units')).total).toBe(4);
    expect((await api.get('/api/units/b/0')).neighbours).toEqual({ previous: null, next: null });
    const before = (await api.fetch('/api/units')).headers.get('etag')!;

    const writer = StudyWriter.open(join(dir, 'growing.db'));
    expect(writer.missingUnits(1, 3)).toEqual([1]);
    writer.writeUnits(1, [writtenUnit(units, 1)]);
    writer.finish({ documents: 2, skippedDocuments: 0, contexts: 2, tokens: 3 });
    writer.close();

    await expect.poll(async () => (await api.get('/api/study')).status, { timeout: 60_000 }).toBe('complete');
    expect((await api.get('/api/units')).total).toBe(5);
    expect((await api.get('/api/units/b/1')).neighbours).toEqual({ previous: 0, next: 2 });
    const after = await api.fetch('/api/units', { headers: { 'if-none-match': before } });
    expect(after.status).toBe(200);

    const reopened = openStudy(join(dir, 'growing.db'));
    expect(reopened.info().status).toBe('complete');
    reopened.close();
  });
});
