// A study of an older version, and its command typed again.
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { wordRows } from '../fixtures/study/records-before.mjs';
import { cli, expectFailure } from '../helpers/cli.ts';
import { writeSae } from '../helpers/frozen.mjs';
import { llamaShapes } from '../helpers/reference-llama.ts';
import { randomTensors, writeCheckpoint } from '../helpers/tiny-checkpoint.ts';

const FILE = new URL('../fixtures/study/version-0.1.db', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'polyseme-older-'));
const out = join(folder, 'study.db');
/** The command that made it. */
const COMMAND = ['run', '--model', 'tiny-llama', '--data', 'words.jsonl', '--sae', 'tiny-sae'];
const OPTIONS = ['--context', '18', '--examples', '7', '--out', 'study.db'];
const run = (...more: string[]) => cli([...COMMAND, ...OPTIONS, ...more], { cwd: folder });

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  const config = {
    model_type: 'llama',
    hidden_size: 24,
    intermediate_size: 24,
    num_attention_heads: 3,
    num_hidden_layers: 2,
    vocab_size: 40,
    max_position_embeddings: 64,
  };
  writeCheckpoint(join(folder, 'tiny-llama'), { config, tensors: randomTensors(llamaShapes(config)) });
  writeFileSync(join(folder, 'words.jsonl'), wordRows());
  const sae = { architecture: 'standard', dIn: 24, dSae: 24, hookName: 'blocks.0.hook_resid_post' } as const;
  await writeSae(join(folder, 'tiny-sae'), sae, { seed: 4, bias: -1 });
  copyFileSync(FILE, out);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('it is shown as it is, and one line says which newer options differ', async () => {
  const before = readFileSync(out);
  const { code, stdout, stderr } = await run();
  expect(code, stderr).toBe(0);
  expect(stdout).toContain('72 units');
  const notes = stderr.split('\n').filter((line) => line.includes('older Polyseme'));
  expect(notes).toHaveLength(1);
  expect(notes[0]).toContain('center "none" there, "mean" by default now');
  expect(notes[0]).toContain('features "cut" there, "auto" by default now');
  expect(notes[0]).toContain('sinkMultiple 0 there, 10 by default now');
  expect(notes[0]).toContain('keepDuplicates true there, false by default now');
  expect(readFileSync(out).equals(before)).toBe(true);
});

test('with its own values given, nothing is said; with others, it is another study', async () => {
  const same = await run(
    '--center',
    'none',
    '--features',
    'cut',
    '--keep-duplicates',
    '--sink-multiple',
    '0',
  );
  expect(same.code, same.stderr).toBe(0);
  expect(same.stderr).not.toContain('older');
  expectFailure(await run('--center', 'mean'), /other options \(center "none" there, "mean" asked/);
  expectFailure(await run('--seed', '3'), /other options \(seed 0 there, 3 asked; .*center "none" there/);
});
