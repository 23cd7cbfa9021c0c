import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStudy, type RunOptions, type RunProgress, runStudy, type StudyInfo } from '../../src/index.ts';
import { StudyWriter } from '../../src/study/writer.ts';
import { compiled, POLYSEME } from '../helpers/cli.ts';
import { expectOneLine } from '../helpers/expect.ts';
import { gpt2Shapes } from '../helpers/reference-gpt2.ts';
import { writeSmallFolio } from '../helpers/small-folio.ts';
import { randomTensors, writeCheckpoint } from '../helpers/tiny-checkpoint.ts';

const CHILD = compiled('test/helpers/run-study.mjs');
const folder = mkdtempSync(join(tmpdir(), 'polyseme-interrupt-'));
const model = join(folder, 'model');
const texts = join(folder, 'texts');
beforeAll(() => {
  const config = {
    model_type: 'gpt2',
    n_embd: 24,
    n_head: 3,
    n_layer: 3,
    n_inner: 160,
    n_positions: 100,
    vocab_size: 37,
  };
  writeCheckpoint(model, { config, tensors: randomTensors(gpt2Shapes(config)) });
  mkdirSync(texts);
  for (let i = 0; i < 50; i++) writeFileSync(join(texts, `${100 + i}.txt`), randomText(i, 150 + 3 * i));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A tiny model with random weights, and 100 contexts or so, ten of them a batch. */
const PLAIN: RunOptions = { model, data: texts, layers: [0, 2], context: 100, examples: 6, threads: 1 };
/** A real one. */
const FOLIO: RunOptions = {
  model: writeSmallFolio(join(folder, 'folio')),
  data: 'builtin:sotu',
  layers: [0, 3],
  context: 64,
  contexts: 40,
  examples: 5,
};
let made = 0;
function newPath(): string {
  const dir = join(folder, String(made++));
  return join(mkdtempSync(dir), 'study.db');
}

interface Ended {
  readonly killed: boolean;
  readonly progress: readonly RunProgress[];
  readonly contentHash: string | null;
}

/** Runs in a process of its own, which dies at its `killAt`-th progress, or `killAfter` ms after its first. */
function run(
  options: RunOptions,
  kill: { killAt?: number; killAfter?: number; killAfterStart?: number } = {},
): Promise<Ended> {
  const { killAt, killAfter, killAfterStart } = kill;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CHILD, JSON.stringify({ options, saveEvery: 0, killAt })]);
    let [out, errors] = ['', ''];
    const end = (after: number) => setTimeout(() => child.kill('SIGKILL'), after);
    if (killAfterStart !== undefined) end(killAfterStart);
    child.stdout.on('data', (chunk) => {
      if (out === '' && killAfter !== undefined) end(killAfter);
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    child.on('close', (code, signal) => {
      if (code !== 0 && signal !== 'SIGKILL') reject(new Error(`exit ${code}: ${errors}`));
      const lines = out.split('\n').slice(0, -1);
      const values = lines.map((line) => JSON.parse(line));
      const last = values.at(-1);
      const contentHash = last?.contentHash ?? null;
      resolve({
        killed: signal === 'SIGKILL',
        progress: values.filter((value) => 'stage' in value),
        contentHash,
      });
    });
  });
}

/** What `info --json` says; in a process of its own, so that none here keeps the file open. */
function look(out: string): StudyInfo {
  const info = execFileSync(process.execPath, [...POLYSEME, 'info', out, '--json'], { encoding: 'utf8' });
  return JSON.parse(info);
}

/** What an unfinished study, its state and a finished one leave in their folder. */
function left(out: string): string[] {
  return readdirSync(join(out, '..')).sort();
}

const hashes = new Map<string, string>();
async function uninterrupted(select: 'top' | 'fraction'): Promise<string> {
  const known = hashes.get(select);
  if (known !== undefined) return known;
  const { contentHash } = await runStudy({ ...PLAIN, select, out: newPath() });
  hashes.set(select, contentHash!);
  return contentHash!;
}

describe.each(['top', 'fraction'] as const)('%s', (select) => {
  test('killed at one point after another, it goes on from there and ends the same', async () => {
    const out = newPath();
    const options = { ...PLAIN, select, out };
    const starts: RunProgress[] = [];
    let ended: Ended;
    let killAt = 1;
    do {
      ended = await run(options, { killAt });
      starts.push(ended.progress[0]!);
      killAt += 2;
      if (!ended.killed) break;
      expect(look(out)).toMatchObject({ status: 'unfinished', contentHash: null });
    } while (starts.length < 40);
    expect(ended.killed).toBe(false);
    expect(starts.length).toBeGreaterThan(4);
    expect(ended.contentHash).toBe(await uninterrupted(select));
    expect(left(out)).toEqual(['study.db']);
    // Each start is no earlier than the one before, and none repeats what was saved.
    const places = starts.map(({ stage, what, done }) =>
      stage === 'harvest'
        ? done + (what === 'pass 2 of 2' ? 1e5 : 0)
        : 1e6 * Number(what.slice(4)) + 1e6 + done,
    );
    expect([...places].sort((a, b) => a - b)).toEqual(places);
    expect(new Set(starts.map(({ stage }) => stage))).toEqual(new Set(['harvest', 'features']));
  });

  test('killed at any time, it ends the same', async () => {
    const out = newPath();
    const options = { ...PLAIN, select, out };
    const waits = [5, 180, 60, 300];
    await run(options, { killAfterStart: 250 });
    for (const [i, killAfter] of waits.entries()) {
      // How many threads and how many layers at once may change on the way.
      await run({ ...options, threads: 1 + (i % 2) }, { killAfter });
    }
    const ended = await run(options);
    expect(ended.contentHash).toBe(await uninterrupted(select));
    expect(left(out)).toEqual(['study.db']);
  });
});

test('the layers harvested together may change on the way', async () => {
  const out = newPath();
  await run({ ...PLAIN, out }, { killAt: 3 });
  await run({ ...PLAIN, out, layersAtOnce: 1 }, { killAt: 2 });
  await run({ ...PLAIN, out }, { killAt: 14 });
  const ended = await run({ ...PLAIN, out, layersAtOnce: 1 });
  expect(ended.contentHash).toBe(await uninterrupted('top'));
  expect(left(out)).toEqual(['study.db']);
});

test('a study that was deleted without the log beside it leaves nothing to a new one', async () => {
  const few = { ...PLAIN, contexts: 20 };
  const wanted = { ...few, examples: 5 };
  const whole = await runStudy({ ...wanted, out: newPath() });
  const all = await run({ ...few, out: newPath() });
  const out = newPath();
  expect((await run({ ...few, out }, { killAt: all.progress.length - 3 })).killed).toBe(true);
  expect(left(out)).toContain('study.db-wal');
  rmSync(out);
  expect((await run({ ...wanted, out })).contentHash).toBe(whole.contentHash);
  expect(left(out)).toEqual(['study.db']);
});

test('of a real model, the content is the same on any number of threads and layers together', async () => {
  const hashes = new Set<string>();
  for (const options of [{ threads: 1 }, { threads: 2 }, { threads: 2, layersAtOnce: 1 }]) {
    hashes.add((await runStudy({ ...FOLIO, ...options, out: newPath() })).contentHash!);
  }
  expect(hashes.size).toBe(1);
});

describe('what is there already', () => {
  test('a finished study typed again is left as it is', async () => {
    const out = newPath();
    const options = { ...PLAIN, layers: [0], contexts: 9, out };
    const first = await runStudy(options);
    const { mtimeMs } = statSync(out);
    const progress: RunProgress[] = [];
    const again = await runStudy({ ...options, threads: 2, onProgress: (p) => progress.push(p) });
    expect(again).toEqual(first);
    expect(progress).toEqual([]);
    expect(statSync(out).mtimeMs).toBe(mtimeMs);
    expect(left(out)).toEqual(['study.db']);
  });

  test('killed after its last word, it is tidied by the next, and not made again', async () => {
    const made = newPath();
    const options = { ...PLAIN, layers: [0], contexts: 9 };
    const first = await runStudy({ ...options, out: made });
    const writer = StudyWriter.open(made);
    writer.begin();
    // The log is there from the first transaction on.
    writer.writeSpecialIds(writer.info().specialIds ?? []);
    const out = newPath();
    for (const suffix of ['', '-wal', '-shm']) copyFileSync(made + suffix, out + suffix);
    writer.close();
    mkdirSync(`${out}.harvest`);
    const progress: RunProgress[] = [];
    const again = await runStudy({ ...options, out, onProgress: (p) => progress.push(p) });
    expect(again).toEqual(first);
    expect(progress).toEqual([]);
    expect(left(out)).toEqual(['study.db']);
  });

  test('other options are refused by name, with both values, and change nothing', async () => {
    const out = newPath();
    const options = { ...PLAIN, layers: [0], contexts: 9, out };
    const { contentHash } = await runStudy(options);
    const changes: [RunOptions, RegExp][] = [
      [{ examples: 7 }, /examples 6 there, 7 asked/],
      [{ layers: [0, 2] }, /layers \[0\] there, \[0,2\] asked/],
      [{ seed: 1 }, /seed 0 there, 1 asked/],
      [{ linkage: 'single' }, /linkage "average" there, "single" asked/],
      [{ threshold: 0.4 }, /threshold 0\.5 there, 0\.4 asked/],
      [{ layernorm: 'folded' }, /layernorm/],
      [{ contexts: undefined }, /contexts 9 there, null asked/],
      [{ data: 'builtin:sotu' }, /data .*texts" there, "builtin:sotu" asked/],
    ];
    for (const [change, pattern] of changes) {
      const line = await expectOneLine(() => runStudy({ ...options, ...change }), pattern);
      expect(line).toContain('option overwrite');
    }
    const study = openStudy(out);
    expect(study.info()).toMatchObject({ status: 'complete', contentHash });
    study.close();
    expect(left(out)).toEqual(['study.db']);
  });

  test('overwrite replaces it; killed and typed again, it goes on; a failure brings the old one back', async () => {
    const out = newPath();
    const old = await runStudy({ ...PLAIN, layers: [0], contexts: 9, out });
    const options: RunOptions = { ...PLAIN, out, overwrite: true };
    const failing = join(folder, 'empty.txt');
    writeFileSync(failing, '');
    await expectOneLine(() => runStudy({ ...options, data: failing }), /empty\.txt.*corpus is empty/);
    const study = openStudy(out);
    expect(study.info().contentHash).toBe(old.contentHash);
    study.close();
    expect(left(out)).toEqual(['study.db']);

    const first = await run(options, { killAt: 4 });
    expect(first.killed).toBe(true);
    const second = await run(options, { killAt: 2 });
    // A save may fall behind the last progress, but not back to the start.
    expect(first.progress[0]!.done).toBe(10);
    expect(second.progress[0]!.done).toBeGreaterThan(10);
    const third = await run(options);
    expect(third.contentHash).toBe(await uninterrupted('top'));
    expect(left(out)).toEqual(['study.db']);
    const again = await runStudy({ ...options, layers: [0], contexts: 9 });
    expect(again.contentHash).toBe(old.contentHash);
  });

  test('overwrite of one that was killed, with other options', async () => {
    const out = newPath();
    // Killed while units are written: SQLite's log lies beside the file.
    await run({ ...PLAIN, layers: [1], seed: 9, out }, { killAt: 14 });
    expect(left(out)).toContain('study.db-wal');
    const { contentHash } = await run({ ...PLAIN, out, overwrite: true });
    expect(contentHash).toBe(await uninterrupted('top'));
    expect(left(out)).toEqual(['study.db']);
    expect(look(out)).toMatchObject({ status: 'complete', contentHash });
  });

  test('a study in the middle of being made can be read, and read on while it ends', async () => {
    const out = newPath();
    await run({ ...PLAIN, out }, { killAt: 14 });
    const reader = openStudy(out);
    const { status, examples } = reader.info();
    expect(status).toBe('unfinished');
    const units = reader.units();
    if (units.length > 0) expect(reader.unit(units[0]!.bank, units[0]!.index).examples).toBeGreaterThan(0);
    const ended = await run({ ...PLAIN, out });
    expect(ended.contentHash).toBe(await uninterrupted('top'));
    expect(reader.info().examples).toBeGreaterThanOrEqual(examples);
    reader.close();
  });

  test('a name with every awkward character', async () => {
    const out = join(newPath(), '..', 'a b#c%20?d&ü=1.db');
    const { contentHash } = await runStudy({ ...PLAIN, layers: [0], contexts: 3, out });
    expect(left(out)).toEqual([basename(out)]);
    const study = openStudy(out);
    expect(study.info().contentHash).toBe(contentHash);
    study.close();
  });
});

function randomText(seed: number, length: number): string {
  let state = seed + 1;
  let text = '';
  while (text.length < length) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const at = Math.floor((state / 2 ** 32) * 31);
    text += at < 26 ? String.fromCharCode(97 + at) : ' ';
  }
  return text;
}
