import { appendFileSync, existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { notesPath } from '../../src/study/notes-file.ts';
import { PLANTED } from '../explain/planted.ts';
import { posted } from '../helpers/api-client.ts';
import { chatServer } from '../helpers/chat-server.ts';
import { cli } from '../helpers/cli.ts';
import { plantedServer } from '../helpers/planted-server.ts';

const { bank, index } = PLANTED.unit;
const NOTES = `/api/notes?bank=${bank}&index=${index}`;

let planted: Awaited<ReturnType<typeof plantedServer>>;
let files: typeof planted.files;
let study: typeof planted.study;
let api: typeof planted.api;

beforeAll(async () => {
  planted = await plantedServer();
  ({ files, study, api } = planted);
});
afterAll(() => planted?.close());

describe('names', () => {
  it('of the planted unit say which letters come before the peak, or which one follows', () => {
    const { features } = study.unit(bank, index);
    const [first, second] = features.map(({ name }) => name!);
    const letters = features.map(({ examples }) =>
      PLANTED.sets.findIndex((set) => set.includes(examples[0]!.tokens[examples[0]!.position - 1]!.trim())),
    );
    expect([...letters].sort()).toEqual([0, 1]);
    [first, second].forEach((name, i) => {
      // In this text the letter that follows tells the two features apart as well as those before.
      const said = PLANTED.sets.map(
        (set, of) =>
          [...set, PLANTED.continuations[of]!].filter((letter) =>
            new RegExp(`\\b${letter}\\b`).test(name!.text),
          ).length,
      );
      expect(said[letters[i]!], name!.text).toBeGreaterThan(0);
      expect(said[1 - letters[i]!], name!.text).toBe(0);
      expect(name!.precision).toBe(1);
      expect(name!.recall).toBeGreaterThan(0.9);
    });
  });
});

describe('notes over HTTP', () => {
  const central = () => {
    const { features } = study.unit(bank, index);
    const { examples, central } = features[1]!;
    const { context, position } = examples.find(({ id }) => id === central)!;
    return { context, position };
  };

  it('are written beside the study, and read', async () => {
    expect(existsSync(notesPath(files.study))).toBe(false);
    expect(await api.get(NOTES)).toMatchObject({ notes: [], damaged: [] });
    await api.post('/api/notes/write', { bank, index, place: null, star: true, note: '' });
    const { notes } = await api.post('/api/notes/write', {
      bank,
      index,
      place: central(),
      star: false,
      note: 'two\nlines',
    });
    expect(notes).toMatchObject([
      { bank, index, place: null, star: true, note: '' },
      { bank, index, place: central(), star: false, note: 'two\nlines' },
    ]);
    expect((await api.get(NOTES)).notes).toEqual(notes);
    expect((await api.get('/api/notes')).notes).toEqual(notes);
    appendFileSync(notesPath(files.study), 'nonsense\n');
    expect((await api.get(NOTES)).damaged).toEqual([3]);
  });

  it('are refused from other pages, and where they are about nothing', async () => {
    const problem = (body: object, init: RequestInit = {}) =>
      api.problem('/api/notes/write', posted(body, init));
    const good = { bank, index, place: null, star: true, note: 'x' };
    const foreign = { headers: { origin: 'http://evil.example', 'content-type': 'application/json' } };
    expect(await problem(good, foreign)).toMatchObject({ status: 403 });
    expect(await problem({ ...good, index: 999 })).toMatchObject({ status: 404 });
    expect(await problem({ ...good, place: { context: 9999, position: 0 } })).toMatchObject({
      status: 422,
      detail: expect.stringContaining('has no example at position 0 of context 9999'),
    });
    expect(await problem({ ...good, note: 'x'.repeat(10_001) })).toMatchObject({ status: 400 });
    expect((await planted.server.fetch(new Request('http://localhost/api/notes/write'))).status).toBe(405);
    expect(await api.problem(`/api/notes?bank=${bank}`)).toMatchObject({ status: 400 });
  });

  it('blind tests are kept and scored', async () => {
    const path = `/api/units/${bank}/${index}/intruders`;
    await api.post(path, { examples: [0, 1, 2, 3, 4], intruder: 2, answer: 2 });
    const { intruders } = await api.post(path, { examples: [0, 1, 2, 3, 4], intruder: 2, answer: 1 });
    expect(intruders).toMatchObject({ tests: 2, found: 1, accuracy: 0.5, chance: 0.2 });
    expect(await api.problem(path, posted({ examples: [0, 1, 9999], intruder: 0, answer: 0 }))).toMatchObject(
      { status: 422 },
    );
    expect(await api.problem(path, posted({ examples: [0, 1, 2], intruder: 3, answer: 0 }))).toMatchObject({
      status: 422,
    });
  });
});

describe('a language model', () => {
  /** Sees which letter stands before the peak. */
  const letters = (prompt: string): (string | undefined)[] =>
    [...prompt.matchAll(/^\d+\. .*?(\w)\s*«o»/gm)].map(([, letter]) => letter);
  const setOf = (letter: string | undefined): number =>
    PLANTED.sets.findIndex((set) => set.includes(letter ?? '?'));

  it('names features on the command line, scored, and not twice; the explorer shows it', async () => {
    await using model = await chatServer(({ prompt }) => {
      const named = /^Description: .* (\d)$/m.exec(prompt)?.[1];
      if (named === undefined) return `letters of set ${setOf(letters(prompt)[0])}`;
      const passages = prompt.split('\n').filter((line) => /^\d+\. /.test(line));
      return passages.map((line) => (setOf(letters(line)[0]) === Number(named) ? 1 : 0)).join(', ');
    });
    const words = [
      'name',
      files.study,
      `${bank}/${index}`,
      '--namer',
      model.url,
      '--namer-model',
      'planted',
      '--json',
    ];
    const { code, stdout, stderr } = await cli(words);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    const [{ features }] = JSON.parse(stdout).units;
    expect(features).toHaveLength(2);
    for (const feature of features) expect(feature).toMatchObject({ siblings: 1, unanswered: 0 });
    const count = model.asked.length;
    expect(JSON.parse((await cli(words)).stdout).units[0].features).toEqual(features);
    expect(model.asked).toHaveLength(count);
    const { names } = await api.get(`/api/units/${bank}/${index}/model-names`);
    expect(names).toMatchObject({ model: 'planted', features });
  });

  it('finds intruders; an endpoint that is down is one line', async () => {
    await using model = await chatServer(({ prompt }) => {
      const sets = letters(prompt).map(setOf);
      const odd = sets.findIndex((set) => sets.filter((other) => other === set).length === 1);
      return `Passage ${odd + 1}`;
    });
    const words = [
      'intruders',
      files.study,
      `${bank}/${index}`,
      '--namer',
      model.url,
      '--namer-model',
      'm',
      '--json',
    ];
    const { stdout } = await cli([...words, '--tests', '6']);
    expect(JSON.parse(stdout)).toMatchObject({ tests: 6, found: 6, accuracy: 1, unanswered: 0 });
    await model[Symbol.asyncDispose]();
    const down = await cli(words);
    expect(down.code).toBe(1);
    expect(down.stderr.trim().split('\n').at(-1)).toMatch(
      /^error: the language model m at .* gives no answer/,
    );
  });
});

describe('searches over HTTP', () => {
  it('are kept in the same file, last last, until they are taken away', async () => {
    const keep = (query: string, kept: boolean) => api.post('/api/notes/searches', { query, kept });
    const { notes } = await api.get('/api/notes');
    await keep('q=a', true);
    await keep('q="b c"&bank=mlp.0', true);
    expect((await keep('q=a', true)).searches.map(({ query }: { query: string }) => query)).toEqual([
      'q="b c"&bank=mlp.0',
      'q=a',
    ]);
    expect(await keep('q=a', false)).toMatchObject({ searches: [{ query: 'q="b c"&bank=mlp.0' }], notes });
    expect((await api.get(NOTES)).searches).toEqual([]);
    expect((await keep('q="b c"&bank=mlp.0', false)).searches).toEqual([]);
    for (const query of ['', 'q'.repeat(2001)]) {
      expect((await api.fetch('/api/notes/searches', posted({ query, kept: true }))).status).toBe(400);
    }
  });
});
