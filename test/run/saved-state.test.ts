// What is saved of an unfinished run is checked when it is read: bytes that changed are an error, not another study.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunOptions, runStudy } from '../../src/index.ts';
import { expectOneLine } from '../helpers/expect.ts';
import { gpt2Shapes } from '../helpers/reference-gpt2.ts';
import { randomTensors, writeCheckpoint } from '../helpers/tiny-checkpoint.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-saved-'));
const options: RunOptions = {
  keepDuplicates: true,
  model: join(folder, 'model'),
  data: join(folder, 'texts'),
  layers: [1],
  context: 40,
  examples: 6,
  threads: 1,
};

beforeAll(() => {
  const config = { n_embd: 24, n_head: 3, n_layer: 2, n_inner: 64, n_positions: 40, vocab_size: 37 };
  const gpt2 = { model_type: 'gpt2', ...config };
  writeCheckpoint(join(folder, 'model'), { config: gpt2, tensors: randomTensors(gpt2Shapes(gpt2)) });
  mkdirSync(join(folder, 'texts'));
  for (let i = 0; i < 60; i++) {
    writeFileSync(
      join(folder, 'texts', `${100 + i}.txt`),
      'the ship and a storm at night '.repeat(3 + (i % 7)),
    );
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a byte of any file of the state', async () => {
  const out = join(folder, 'study.db');
  const stop = new AbortController();
  const aborted = runStudy({ ...options, out, signal: stop.signal, onProgress: () => stop.abort() });
  await expect(aborted).rejects.toMatchObject({ code: 'aborted' });
  const state = join(`${out}.harvest`, readdirSync(`${out}.harvest`)[0]!);
  const names = readdirSync(state);
  expect(names.map((name) => name.replace(/-.*/, ''))).toEqual(
    expect.arrayContaining(['progress.bin', 'rows', 'state', 'windows']),
  );
  for (const name of names) {
    const path = join(state, name);
    const whole = readFileSync(path);
    for (const share of [0.1, 0.6, 0.99]) {
      const changed = Buffer.from(whole);
      changed[Math.floor(share * changed.length)]! ^= 1;
      writeFileSync(path, changed);
      await expectOneLine(
        () => runStudy({ ...options, out }),
        /damaged state of this run .*delete the folder/,
      );
    }
    writeFileSync(path, whole);
  }
  const { contentHash } = await runStudy({ ...options, out });
  const fresh = await runStudy({ ...options, out: join(folder, 'fresh.db') });
  expect(contentHash).toBe(fresh.contentHash);
});
