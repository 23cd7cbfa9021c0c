// A study knows what it was made from: another model or another text under the same name is refused.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { openCorpus, type RunStudyOptions, runStudy } from '../../src/index.ts';
import { expectOneLine } from '../helpers/expect.ts';
import { gpt2Shapes } from '../helpers/reference-gpt2.ts';
import { randomTensors, writeCheckpoint } from '../helpers/tiny-checkpoint.ts';

const root = mkdtempSync(join(tmpdir(), 'polyseme-inputs-'));
let folder: string;
let made = 0;
let options: RunStudyOptions;
const text = (i: number) => join(folder, 'texts', `${100 + i}.txt`);
const weights = () => join(folder, 'model', 'model.safetensors');

beforeEach(() => {
  folder = join(root, String(made++));
  const config = { n_embd: 24, n_head: 3, n_layer: 2, n_inner: 64, n_positions: 40, vocab_size: 37 };
  const gpt2 = { model_type: 'gpt2', ...config };
  writeCheckpoint(join(folder, 'model'), { config: gpt2, tensors: randomTensors(gpt2Shapes(gpt2)) });
  mkdirSync(join(folder, 'texts'));
  for (let i = 0; i < 60; i++) {
    writeFileSync(text(i), 'the ship and a storm at night '.repeat(3 + (i % 7)));
  }
  options = {
    model: join(folder, 'model'),
    data: join(folder, 'texts'),
    layers: [1],
    context: 40,
    examples: 6,
    threads: 1,
    out: join(folder, 'study.db'),
  };
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Changes letters of a file, not its size; its time becomes another in any case. */
function change(path: string, edit: (bytes: Buffer) => void): () => void {
  const before = readFileSync(path);
  const { atime, mtime } = statSync(path);
  const bytes = Buffer.from(before);
  edit(bytes);
  writeFileSync(path, bytes);
  utimesSync(path, atime, new Date(mtime.getTime() + 5000));
  return () => {
    writeFileSync(path, before);
    utimesSync(path, atime, new Date(mtime.getTime() + 9000));
  };
}

const another = (bytes: Buffer): void => {
  bytes.write('sea', 4);
};
const flip = (bytes: Buffer): void => {
  bytes[bytes.length - 2]! ^= 1;
};

/** Stops a run at its first progress. */
async function begin(more: RunStudyOptions = {}): Promise<void> {
  const stop = new AbortController();
  const run = runStudy({ ...options, ...more, signal: stop.signal, onProgress: () => stop.abort() });
  await expect(run).rejects.toMatchObject({ code: 'aborted' });
}

async function fresh(more: RunStudyOptions = {}): Promise<string | null> {
  return (await runStudy({ ...options, ...more, out: join(folder, `fresh-${made++}.db`) })).contentHash;
}

test('a finished study stays while its inputs are the same, whatever their times', async () => {
  const { contentHash } = await runStudy(options);
  for (const path of [weights(), text(3)]) change(path, () => {});
  expect((await runStudy(options)).contentHash).toBe(contentHash);

  const back = change(weights(), flip);
  await expectOneLine(
    () => runStudy(options),
    /study\.db was made from something else: model\.safetensors \(sha256 [0-9a-f]{12} there, [0-9a-f]{12} now\) changed since: .*overwrite/,
  );
  back();
  expect((await runStudy(options)).contentHash).toBe(contentHash);

  change(text(3), another);
  await expectOneLine(() => runStudy(options), /was made from something else: the text changed since/);
  const renewed = await runStudy({ ...options, overwrite: true });
  expect(renewed.contentHash).not.toBe(contentHash);
  expect(renewed.contentHash).toBe(await fresh());
});

test.each(['top', 'fraction'] as const)('%s: a run goes on over its own text only', async (select) => {
  options = { ...options, select };
  const whole = await fresh();
  await begin();
  const back = change(text(0), another);
  await expectOneLine(() => runStudy(options), /was begun from something else: the text changed since/);
  back();
  expect((await runStudy(options)).contentHash).toBe(whole);

  await begin({ overwrite: true, seed: 1 });
  change(text(0), another);
  const renewed = await runStudy({ ...options, seed: 1, overwrite: true });
  expect(renewed.contentHash).toBe(await fresh({ seed: 1 }));
});

test('a run goes on with its own model only', async () => {
  await begin();
  const back = change(weights(), flip);
  await expectOneLine(() => runStudy(options), /was begun from something else: model\.safetensors/);
  back();
  expect((await runStudy(options)).contentHash).toBe(await fresh());
});

test('a text that changes between two groups of layers, or that comes from no file', async () => {
  const corpus = await openCorpus(join(folder, 'texts'));
  const ofMemory = (edit: (text: string) => string) => {
    const { stamp: _, ...rest } = corpus;
    return {
      ...rest,
      async *documents(...from: Parameters<typeof corpus.documents>) {
        for await (const document of corpus.documents(...from)) {
          yield { ...document, text: edit(document.text) };
        }
      },
    };
  };
  let groups = 0;
  const changing = ofMemory((found) => (groups > 0 ? found.replace('ship', 'seas') : found));
  const onProgress: RunStudyOptions['onProgress'] = ({ stage }) => {
    if (stage === 'features') groups++;
  };
  const run = { ...options, layers: [0, 1], layersAtOnce: 1, data: changing, onProgress };
  await expectOneLine(() => runStudy(run), /the text changed while it was read/);

  const out = join(folder, 'memory.db');
  const same = ofMemory((found) => found);
  const { contentHash } = await runStudy({ ...options, out, data: same });
  expect((await runStudy({ ...options, out, data: same })).contentHash).toBe(contentHash);
  const other = ofMemory((found) => found.replace('ship', 'seas'));
  await expectOneLine(() => runStudy({ ...options, out, data: other }), /made from something else: the text/);
});
