// Answers that take long are made in another thread: the others go on meanwhile, and there is a bound.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clusteringAnswer } from '../../src/answers/clustering.ts';
import { StudySource } from '../../src/answers/served-study.ts';
import { openStudy } from '../../src/index.ts';
import { createServer, type StudyServer } from '../../src/server/api.ts';
import { toJson } from '../../src/server/http/json-writer.ts';
import type { Study } from '../../src/study/study.ts';
import { writeStudy } from '../helpers/written-study.ts';

let folder: string;
let study: Study;
let server: StudyServer;
const get = async (path: string): Promise<Response> => server.fetch(new Request(`http://localhost${path}`));
const clustering = (threshold: number) => `/api/units/b/0/clustering?threshold=${threshold}`;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'polyseme-heavy-'));
  const path = join(folder, 'study.db');
  const contexts = [
    ['the', ' cap', 'tain'],
    [' of', ' the', ' ship'],
  ];
  writeStudy({ path, banks: [{ name: 'b', units: 2 }], examples: () => 600, contexts });
  study = openStudy(path);
  server = createServer(study);
});

afterAll(async () => {
  await server.close();
  study.close();
  rmSync(folder, { recursive: true, force: true });
});

test('they are what the same question gets in this thread', async () => {
  const source = new StudySource(study);
  const here = clusteringAnswer(source.space('b', 0), { threshold: 0.7 }, source.clustering);
  expect(await (await get(clustering(0.7))).json()).toEqual(JSON.parse(toJson(here).toString()));
  const distances = new Uint8Array(await (await get('/api/units/b/0/distances')).arrayBuffer());
  expect(distances.length).toBeGreaterThan((4 * 600 * 599) / 2);
});

test('a question without an answer is the same problem', async () => {
  const both = await get('/api/units/b/0/clustering?threshold=0.5&clusters=3');
  expect([both.status, (await both.json()).detail]).toEqual([
    400,
    expect.stringContaining('exclude each other'),
  ]);
  expect((await get('/api/units/b/9/clustering')).status).toBe(404);
});

test('those that are still waited for when the server ends are sent away, and it is no error of its own', async () => {
  const lines: string[] = [];
  const ending = createServer(study, { log: (line) => lines.push(line) });
  const asked = Array.from({ length: 6 }, (_, i) =>
    ending.fetch(new Request(`http://localhost${clustering(0.6 + i / 100)}`)),
  );
  await asked[0];
  await ending.close();
  const last = (await Promise.all(asked)).at(-1)!;
  expect([last.status, (await last.json()).detail]).toEqual([503, 'the server is stopping']);
  expect(lines).toEqual([]);
});

test('others are answered while they are made; beyond the bound they are sent away, with a time to come back', async () => {
  const ended: string[] = [];
  const asked = Array.from({ length: 20 }, (_, i) =>
    get(clustering(0.1 + i / 100)).then((answer) => {
      if (answer.status === 200) ended.push('heavy');
      return answer;
    }),
  );
  expect((await get('/healthz')).status).toBe(200);
  ended.push('healthz');
  const answers = await Promise.all(asked);
  expect(ended[0]).toBe('healthz');
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(16);
  const away = answers.filter(({ status }) => status === 503);
  expect(away).toHaveLength(4);
  for (const { headers } of away) expect(headers.get('retry-after')).toBe('2');
  // And then they have their turn.
  expect((await get(clustering(0.1 + 19 / 100))).status).toBe(200);
});
