import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStudy, type Study, unitCertainty } from '../../src/index.ts';
import { createServer } from '../../src/server/api.ts';
import { cachePath, readCached } from '../../src/study/cache.ts';
import { apiClient } from '../helpers/api-client.ts';
import { cli } from '../helpers/cli.ts';
import { writeStudy } from '../helpers/written-study.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-certainty-'));
const path = join(folder, 'study.db');
let study: Study;

beforeAll(() => {
  writeStudy({
    path,
    banks: [{ name: 'mlp.0', units: 4 }],
    contexts: [['the', ' ship']],
    examples: (unit) => [24, 3, 0, 600][unit]!,
  });
  study = openStudy(path);
});
afterAll(() => {
  study?.close();
  rmSync(folder, { recursive: true, force: true });
});

test('the API says how sure features are, as the library does, and keeps it beside the study', async () => {
  const before = readFileSync(path);
  const api = await apiClient(createServer(study));
  expect(existsSync(cachePath(path))).toBe(false);
  const found = await api.get('/api/units/mlp.0/0/certainty');
  expect(readCached(study, { kind: 'certainty 1', key: 'mlp.0/0' })).not.toBe(null);
  expect(found).toEqual(await unitCertainty(study, 'mlp.0', 0));
  const features = study.unit('mlp.0', 0).features;
  expect(found.features.map(({ id, size }: { id: number; size: number }) => [id, size])).toEqual(
    features.map(({ id, size }) => [id, size]),
  );
  rmSync(cachePath(path));
  expect(await unitCertainty(study, 'mlp.0', 0)).toEqual(found);
  expect(readFileSync(path).equals(before)).toBe(true);
});

test('of few examples and of none there is an answer; of too many, and of no unit, a problem', async () => {
  const api = await apiClient(createServer(study));
  expect(await api.get('/api/units/mlp.0/1/certainty')).toMatchObject({ examples: 3, z: null });
  expect(await api.get('/api/units/mlp.0/2/certainty')).toMatchObject({ examples: 0, features: [] });
  expect(await api.problem('/api/units/mlp.0/3/certainty')).toMatchObject({
    status: 422,
    detail: expect.stringMatching(/mlp\.0\/3 has 600 examples.* up to 512/),
  });
  expect((await api.problem('/api/units/mlp.0/9/certainty')).status).toBe(404);
});

test('`unit --significance` prints it, with its nulls', async () => {
  const { code, stdout } = await cli(['unit', path, 'mlp.0/0', '--significance', '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout).certainty).toEqual(await unitCertainty(study, 'mlp.0', 0));
  const shown = await cli(['unit', path, 'mlp.0/0', '--significance']);
  expect(shown.stdout).toMatch(/39 clouds and 50 halves, seed 0/);
  expect(shown.stdout).toMatch(/of one cloud with the same mean and covariance \d\.\d+ ± \d\.\d+: z -?\d/);
  expect(shown.stdout).toMatch(/feature +examples +tightness +÷ null +nearest +distance +÷ null +stability/);
});

test('a clustering is the best split, or a cut; strays are marked', async () => {
  const api = await apiClient(createServer(study));
  const { stray, autoLabels } = study.detail('mlp.0', 0);
  const auto = await api.get('/api/units/mlp.0/0/clustering?features=auto');
  expect(auto).toMatchObject({ rule: 'auto', threshold: null, clusters: null });
  expect(new Set(auto.leaves.feature).size).toBe(new Set(autoLabels).size);
  expect(auto.stray).toEqual([...stray!.keys()].filter((i) => stray![i] === 1));
  const single = await api.get('/api/units/mlp.0/0/clustering?features=auto&linkage=single');
  expect(single.leaves).toEqual(auto.leaves);
  const cut = await api.get('/api/units/mlp.0/0/clustering?features=cut&threshold=0.3');
  expect(cut).toMatchObject({ rule: 'cut', threshold: 0.3, stray: [] });
  expect(cut.leaves).toEqual((await api.get('/api/units/mlp.0/0/clustering?threshold=0.3')).leaves);
  for (const query of ['features=auto&threshold=0.4', 'features=auto&clusters=3']) {
    expect(await api.problem(`/api/units/mlp.0/0/clustering?${query}`)).toMatchObject({
      status: 400,
      detail: expect.stringContaining('features is auto'),
    });
  }
  expect(await api.get('/api/units/mlp.0/0')).toMatchObject({ rule: 'cut', stray: [] });
});
