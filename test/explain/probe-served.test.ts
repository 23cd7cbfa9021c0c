import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServer, type StudyServer } from '../../src/server/api.ts';
import { openStudy } from '../../src/study/open-study.ts';
import type { Study } from '../../src/study/study.ts';
import { vectorsFolder } from '../../src/study/vectors.ts';
import { apiClient, posted } from '../helpers/api-client.ts';
import { cli, expectFailure } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/expect.ts';
import { PLANTED, plantedStudy, type StudyFiles } from './planted.ts';

const { unit, twin } = PLANTED;
/** Both sets before the trigger; the study has no such text. */
const TEXT = 'fgcoehzomd';

let files: StudyFiles;
let study: Study;
let server: StudyServer;
let client: Awaited<ReturnType<typeof apiClient>>;

beforeAll(async () => {
  files = await plantedStudy();
  study = openStudy(files.study);
  server = createServer(study, { threads: 1 });
  client = await apiClient(server);
});

afterAll(async () => {
  await server.close();
  study.close();
});

describe('over HTTP', () => {
  it('a probe names units, features and their words', async () => {
    const { tokens, special, windows, windowLength, firings, missing } = await client.post('/api/probe', {
      text: TEXT,
      top: 3,
    });
    expect([tokens.join(''), special, windows, windowLength, missing]).toEqual([TEXT, [], [0], 24, []]);
    for (const position of [3, 7]) {
      const found = firings.filter((firing: { position: number }) => firing.position === position);
      expect(found.length).toBe(3);
      for (const { bank, index } of [unit, twin]) {
        const one = found.find((other: typeof unit) => other.bank === bank && other.index === index);
        expect(one.words).toEqual(study.words(bank, index)[one.feature]);
        expect(one.name).toEqual(study.names(bank, index)[one.feature]);
        expect(one.distances.length).toBe(2);
      }
    }
    const part = await client.post('/api/probe', { text: TEXT, bank: twin.bank });
    expect(new Set(part.firings.map(({ bank }: typeof unit) => bank))).toEqual(new Set([twin.bank]));
  });

  it('one unit has its activation at every token', async () => {
    const { activations, firings } = await client.post('/api/units/mlp.0/2/probe', { text: TEXT });
    expect(activations.map((a: number) => a > 0)).toEqual([...TEXT].map((_, i) => i === 3 || i === 7));
    expect(firings.map(({ position }: { position: number }) => position)).toEqual([3, 7]);
    expect(firings[0].feature).not.toBe(firings[1].feature);
  });

  it('similar features come with words and a passage', async () => {
    const { similar } = await client.get('/api/units/mlp.0/2/similar?feature=1&limit=3');
    expect(similar.length).toBe(3);
    expect(similar[0]).toMatchObject({ bank: twin.bank, index: twin.index });
    expect(similar[0].words).toEqual(study.words(twin.bank, twin.index)[similar[0].feature]);
    expect(similar[0].name).toEqual(study.names(twin.bank, twin.index)[similar[0].feature]);
    const { sizes, stray } = similar[0];
    expect(sizes.reduce((sum: number, size: number) => sum + size, stray)).toBe(
      study.unit(twin.bank, twin.index).examples,
    );
    expect(similar[0].passage.tokens[similar[0].passage.position]).toBe('o');
    const { similar: outputs } = await client.get('/api/units/mlp.0/2/similar?by=output&limit=2');
    expect(outputs.length).toBe(2);
    const { similar: shared } = await client.get('/api/units/mlp.0/2/similar?feature=1&by=contexts&limit=1');
    expect(shared[0]).toMatchObject({ bank: twin.bank, index: twin.index });
  });

  it.each([
    ['/api/probe', { text: '' }, 400, /^body parameter text is ""/],
    ['/api/probe', {}, 400, /^body parameter text is missing/],
    ['/api/probe', { text: 'a', top: 33 }, 400, /^body parameter top is /],
    ['/api/probe', { text: 'a', bank: 'mlp.9' }, 404, /has no bank mlp\.9/],
    ['/api/probe', { text: 'a'.repeat(131_073) }, 400, /^body parameter text is /],
    ['/api/units/mlp.0/24/probe', { text: 'a' }, 404, /no unit/],
  ])('POST %s %o is a problem', async (path, body, status, detail) => {
    const problem = await client.problem(path, posted(body));
    expect(problem.status).toBe(status);
    expect(problem.detail).toMatch(detail);
  });

  it.each([
    ['/api/units/mlp.0/24/similar', 404, /has no unit 24/],
    ['/api/units/mlp.0/2/similar?feature=2', 404, /has no feature 2: its features go from 0 to 1/],
    ['/api/units/mlp.0/2/similar?by=smell', 400, /^query parameter by is "smell"/],
    ['/api/units/mlp.0/2/similar?limit=0', 400, /^query parameter limit is "0"/],
  ])('GET %s is a problem', async (path, status, detail) => {
    const problem = await client.problem(path);
    expect(problem.status).toBe(status);
    expect(problem.detail).toMatch(detail);
  });

  it('sends away what is too much, and lets the rest be answered', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => client.fetch('/api/probe', posted({ text: TEXT }))),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(answers.filter(({ status }) => status === 200).length).toBe(20 - refused.length);
    expect(refused.length).toBeGreaterThan(0);
    for (const answer of refused) expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('a request that is closed gives its place up', async () => {
    const closed = new AbortController();
    const answers = Array.from({ length: 8 }, () =>
      client.fetch('/api/probe', posted({ text: TEXT }, { signal: closed.signal })),
    );
    closed.abort();
    await Promise.all(answers);
    await client.post('/api/probe', { text: TEXT });
  });

  it('says why there is no model, and finds similar features without one', async () => {
    const without = createServer(study, { model: '/nowhere' });
    const other = await apiClient(without);
    expect((await other.problem('/api/probe', posted({ text: 'a' }))).status).toBe(404);
    expect((await other.get('/api/units/mlp.0/2/similar')).similar.length).toBe(10);
    expect((await other.problem('/api/units/mlp.0/2/similar?by=output')).status).toBe(404);
    await without.close();
  });
});

describe('on the command line', () => {
  const model = ['--threads', '1'];

  it('probe prints the units of each token with their features', async () => {
    const { code, stdout, stderr } = await cli(['probe', files.study, TEXT, '--top', '3', ...model]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^ {3}3 {2}o$/m);
    expect(stdout).toMatch(/^ {6}mlp\.0\/2 +\d\.\d\d of its maximum {2}feature [01] at 0\.\d\d {2}\w+/m);
  });

  it('probe --json is keyed, and can be given back as --keys', async () => {
    const first = await cli(['probe', files.study, TEXT, '--json', '--bank', 'mlp.0', ...model]);
    const { tokens, firings } = JSON.parse(first.stdout);
    expect(tokens.length).toBe(TEXT.length);
    const planted = firings.filter(({ unit: index }: { unit: number }) => index === unit.index);
    expect(planted).toMatchObject([
      { layer: 0, unit: 2, sign: 1, position: 3, bank: 'mlp.0' },
      { layer: 0, unit: 2, sign: 1, position: 7, bank: 'mlp.0' },
    ]);
    const keys = join(temporaryFolder(), 'keys.json');
    writeFileSync(
      keys,
      JSON.stringify(
        planted
          .map(({ layer, unit: index, position }: never) => ({ layer, unit: index, position }))
          .concat({ layer: 1, unit: 5, position: 0 }),
      ),
    );
    const second = await cli(['probe', files.study, TEXT, '--json', '--keys', keys, ...model]);
    const found = JSON.parse(second.stdout).firings;
    expect(found.map(({ feature }: { feature: number }) => feature)).toEqual([
      ...planted.map(({ feature }: { feature: number }) => feature),
      null,
    ]);
    expect(found[2]).toMatchObject({ layer: 1, unit: 5, fires: false, distances: [] });
    writeFileSync(keys, first.stdout);
    const third = await cli(['probe', files.study, TEXT, '--json', '--keys', keys, ...model]);
    expect(JSON.parse(third.stdout).firings.length).toBe(firings.length);
  });

  it('probe says that a long text is read in windows', async () => {
    const { code, stderr } = await cli(['probe', files.study, TEXT.repeat(5), ...model]);
    expect([code, stderr]).toEqual([
      0,
      'note: the text is read in 3 windows of up to 24 tokens, each by itself\n',
    ]);
  });

  it('neighbours finds the twin, with progress the first time', async () => {
    rmSync(vectorsFolder(files.study), { recursive: true, force: true });
    const first = await cli(['neighbours', files.study, 'mlp.0/2', '--limit', '2']);
    expect([first.code, first.stdout.match(/mlp\.1\/5 feature [01]/g)?.length]).toEqual([0, 2]);
    const { stdout } = await cli([
      'neighbours',
      files.study,
      'mlp.0/2',
      '--feature',
      '1',
      '--json',
      '--other',
      files.study,
    ]);
    const { by, features } = JSON.parse(stdout);
    expect([by, features.length, features[0].feature]).toEqual(['embedding', 1, 1]);
    // The unit itself in the other study, and its twin in both.
    const places = features[0].similar.map((one: { bank: string; index: number; other: boolean }) =>
      [one.bank, one.index, one.other].join(' '),
    );
    expect(places.slice(0, 3)).toEqual(['mlp.0 2 true', 'mlp.1 5 false', 'mlp.1 5 true']);
  });

  it.each([
    ['an empty text', ['probe', ''], /^error: the text is empty: there is nothing to probe$/m, 2],
    [
      'no file of keys',
      ['probe', 'a', '--keys', '/nowhere.json'],
      /^error: \/nowhere\.json: no such file \(option keys\)$|--keys/m,
    ],
    ['an unknown bank', ['probe', 'a', '--bank', 'mlp.9'], /has no bank mlp\.9/],
    ['another model', ['probe', 'a', '--model', 'builtin:folio-5m'], /is not the one that .* was made with/],
    ['an unknown unit', ['neighbours', 'mlp.0/99'], /has no unit mlp\.0\/99: units go from 0 to 23/],
    ['an unknown feature', ['neighbours', 'mlp.0/2', '--feature', '9'], /has no feature 9/],
    ['no second study', ['neighbours', 'mlp.0/2', '--other', '/nowhere.db'], /no such study/],
  ])('%s is an error of one line', async (_, [command, ...rest], message, code = 1) => {
    expectFailure(await cli([command!, files.study, ...rest]), message, code);
  });
});
