import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServer } from '../../src/server/api.ts';
import { PLANTED } from '../explain/planted.ts';
import { apiClient, posted } from '../helpers/api-client.ts';
import { plantedServer } from '../helpers/planted-server.ts';

const IMPORTANCE = `/api/units/${PLANTED.unit.bank}/${PLANTED.unit.index}/importance`;

let planted: Awaited<ReturnType<typeof plantedServer>>;
let files: typeof planted.files;
let study: typeof planted.study;
let api: typeof planted.api;

beforeAll(async () => {
  planted = await plantedServer();
  ({ files, study, api } = planted);
});
afterAll(() => planted?.close());

describe('the model behind the study', () => {
  it('is named', async () => {
    expect(await api.get('/api/model')).toEqual({ model: files.model, missing: null });
  });

  it('is missed in one line, and the rest works', async () => {
    const without = createServer(study, { model: join(files.model, 'none'), log: () => {} });
    const asked = await apiClient(without);
    const { model, missing } = await asked.get('/api/model');
    expect([model, missing]).toEqual([null, expect.stringContaining('does not exist')]);
    const problem = await asked.problem(IMPORTANCE, posted({}));
    expect(problem).toMatchObject({ status: 404, detail: missing });
    expect((await asked.get('/api/units/mlp.0/2')).index).toBe(2);
    await without.close();
  });
});

describe('effects over HTTP', () => {
  const unit = `/api/units/${PLANTED.unit.bank}/${PLANTED.unit.index}`;

  it('are given by themselves and as they are measured', async () => {
    const { raised } = await api.post(`${unit}/direct-effect`, {});
    expect(raised.slice(0, 2).map(({ text }: { text: string }) => text)).toEqual(
      expect.arrayContaining(['p', 'q']),
    );
    const found = await api.post(`${unit}/ablation`, { contexts: 20, to: 'mean' });
    expect(found).toMatchObject({ bank: 'mlp.0', index: 2, scale: 0, to: 'mean', contexts: 20 });
    expect(found.features).toHaveLength(2);
    const one = await api.post(`${unit}/ablation`, { contexts: 20, feature: 1, scale: 2, controls: false });
    expect(one.features.map(({ feature }: { feature: number }) => feature)).toEqual([1]);
  });

  it('say what is wrong', async () => {
    const problem = (body: object, path = `${unit}/ablation`) => api.problem(path, posted(body));
    expect(await problem({ scale: 11 })).toMatchObject({ status: 400 });
    expect(await problem({ contexts: 0 })).toMatchObject({ status: 400 });
    expect(await problem({ feature: 7 })).toMatchObject({ status: 404 });
    expect(await problem({}, '/api/units/mlp.7/0/direct-effect')).toMatchObject({ status: 404 });
  });
});

describe('importance over HTTP', () => {
  it('is given for a feature or for some examples', async () => {
    const all = await api.post(IMPORTANCE, {});
    expect(all.examples.map(({ example }: { example: number }) => example)).toEqual([...Array(64).keys()]);
    const one = await api.post(IMPORTANCE, { feature: 1 });
    expect(one.examples).toEqual(all.examples.filter(({ feature }: { feature: number }) => feature === 1));
    const some = await api.post(IMPORTANCE, { examples: [3, 5], mask: 'd' });
    expect(some).toMatchObject({ bank: 'mlp.0', index: 2, mask: { text: 'd' } });
    expect(some.examples).toHaveLength(2);
  });

  it('says what is wrong', async () => {
    const problem = async (body: unknown, path = IMPORTANCE, init: RequestInit = {}) =>
      api.problem(path, posted(body, init));
    expect(await problem({ feature: 9 })).toMatchObject({
      status: 404,
      detail: 'mlp.0/2 has no feature 9: its features are 0 to 1',
    });
    expect(await problem({}, '/api/units/mlp.0/999/importance')).toMatchObject({ status: 404 });
    expect(await problem({ mask: 'op' })).toMatchObject({ status: 422 });
    expect(await problem({ features: 1 })).toMatchObject({
      status: 400,
      detail: 'unknown body parameter "features" (known: feature, examples, mask)',
    });
    expect(await problem({ feature: -1 })).toMatchObject({
      status: 400,
      detail: expect.stringMatching(/^body parameter feature is -1: /),
    });
    expect(await problem([])).toMatchObject({
      status: 400,
      detail: 'the body of the request is no JSON object',
    });
    expect(await problem({}, IMPORTANCE, { headers: { 'content-type': 'text/plain' } })).toMatchObject({
      status: 415,
    });
    expect(await problem({ mask: 'x'.repeat(1 << 21) })).toMatchObject({ status: 413 });
    expect(await api.problem(IMPORTANCE)).toMatchObject({ status: 405 });
  });

  it('is refused to other pages', async () => {
    const from = (headers: Record<string, string>) =>
      api.fetch(IMPORTANCE, posted({ examples: [0] }, { headers }));
    for (const headers of [
      { origin: 'http://elsewhere' },
      { origin: 'null' },
      { origin: 'http://localhost:99' },
      { 'sec-fetch-site': 'cross-site' },
    ]) {
      expect((await from(headers as unknown as Record<string, string>)).status).toBe(403);
    }
    expect((await from({ origin: 'http://localhost' })).status).toBe(200);
    expect((await from({ 'sec-fetch-site': 'same-origin' })).status).toBe(200);
  });

  it('ends when the request is closed', async () => {
    const control = new AbortController();
    const answer = api.fetch(IMPORTANCE, posted({ mask: 'e' }, { signal: control.signal }));
    control.abort();
    expect((await answer).status).toBe(503);
    expect((await api.post(IMPORTANCE, { mask: 'e', examples: [0] })).examples).toHaveLength(1);
  });
});
