// A training from the model's stream, killed at one moment after another, goes on to the same weights to the bit.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainSae } from '../../src/train/train.ts';
import type { SaeTrainOptions } from '../../src/train/train-options.ts';
import { cli, compiled, expectFailure } from '../helpers/cli.ts';
import { gpt2Shapes } from '../helpers/reference-gpt2.ts';
import { randomTensors, writeCheckpoint } from '../helpers/tiny-checkpoint.ts';

const CHILD = compiled('test/helpers/run-training.mjs');
const folder = mkdtempSync(join(tmpdir(), 'polyseme-training-kill-'));
const at = (name: string) => join(folder, name);
const text = at('text.txt');
const model = at('model');
/** Fifty steps; the buffer is filled at the start and twice more. */
const options: SaeTrainOptions = {
  model,
  data: text,
  site: 'blocks.0.hook_resid_post',
  context: 32,
  latents: 64,
  k: [4],
  embeddingWeight: [0.2],
  tokens: 50 * 64,
  batch: 64,
  buffer: 2100,
  logEvery: 3,
  evalTokens: 300,
  threads: 1,
};

beforeAll(() => {
  const config = { model_type: 'gpt2', n_embd: 24, n_head: 3, n_layer: 1, n_positions: 32, vocab_size: 37 };
  writeCheckpoint(model, { config, tensors: randomTensors(gpt2Shapes(config)) });
  writeFileSync(text, 'the captain sailed past the harbour and wrote home of the storm at sea '.repeat(28));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
/** The weights and the log of a finished training; rates differ from run to run. */
function outcome(out: string) {
  const log = readFileSync(join(out, 'log.jsonl'), 'utf8').replaceAll(/"tokensPerSecond":\d+/g, '');
  return { weights: hash(join(out, 'sae_weights.safetensors')), log };
}

function child(out: string, ask: object) {
  const { signal, status, stdout, stderr } = spawnSync(
    process.execPath,
    [CHILD, JSON.stringify({ options: { ...options, out }, saveEvery: 0, ...ask })],
    { encoding: 'utf8', timeout: 200_000 },
  );
  const lines = stdout.trimEnd().split('\n');
  return { signal, status, stderr, steps: lines.filter((line) => line.startsWith('train')) };
}

let expected: ReturnType<typeof outcome>;
beforeAll(async () => {
  await trainSae({ ...options, out: at('whole') });
  expected = outcome(at('whole'));
});

describe('streaming from the model', () => {
  it('is killed while it fills the buffer, between checkpoints, while it saves and at the evaluation', () => {
    const out = at('cut');
    const never = { saveEvery: 1e6 };
    const moments: [object, string, string | undefined][] = [
      [{ killIn: { stage: 'fill', at: 2 } }, 'while filling', undefined],
      [{ killAt: 9 }, 'after step 9', 'train 1'],
      // Steps 9 to 20 are lost and taken again.
      [{ killAt: 20, ...never }, 'between checkpoints', 'train 9'],
      [{ killInSave: 24 }, 'while saving', 'train 9'],
      [{ killAt: 34 }, 'after the buffer was filled up', 'train 24'],
      [{ killIn: { stage: 'evaluate', at: 1 } }, 'at the evaluation', 'train 34'],
    ];
    for (const [ask, moment, first] of moments) {
      const { signal, stderr, steps } = child(out, ask);
      expect(signal, `${moment}: ${stderr}`).toBe('SIGKILL');
      expect(steps[0], moment).toBe(first);
      expect(JSON.parse(readFileSync(join(out, 'run.json'), 'utf8')).result, moment).toBeNull();
    }
    expect(readdirSync(join(out, 'checkpoints'))).toEqual(['checkpoint-49']);
    const ended = child(out, {});
    expect([ended.status, ended.stderr]).toEqual([0, '']);
    expect(ended.steps).toEqual(['train 50']);
    expect(outcome(out)).toEqual(expected);
    expect(readdirSync(out).sort()).toEqual(readdirSync(at('whole')).sort());
  });

  it('goes on filling the buffer where it was left, and ends with the same weights', async () => {
    const out = at('filling');
    const many = { ...options, buffer: 8000 };
    /** How full the buffer was each time that something of it was told. */
    const filling = async (out: string, stopAt?: number) => {
      const told: number[] = [];
      const stop = new AbortController();
      await trainSae({
        ...many,
        out,
        saveEvery: 1e6,
        signal: stop.signal,
        onProgress({ stage, done }) {
          if (stage === 'fill' && told.push(done) === stopAt) stop.abort();
        },
      }).catch((error) => expect(error).toMatchObject({ code: 'aborted' }));
      return told;
    };
    const checkpoints = () => readdirSync(join(out, 'checkpoints'));
    // Stopped after the first block, it saves that and the one it was at; killed at the next one, three are there.
    const first = await filling(out, 1);
    expect(checkpoints()).toEqual(['checkpoint-0']);
    expect(child(out, { options: { ...many, out }, killIn: { stage: 'fill', at: 1 } }).signal).toBe(
      'SIGKILL',
    );
    expect(checkpoints()).toEqual(['checkpoint-0']);
    const rest = await filling(out);
    const whole = await filling(at('filled'));
    expect(whole.length).toBeGreaterThan(3);
    expect(first).toEqual(whole.slice(0, 1));
    expect(rest).toEqual(whole.slice(3));
    expect(outcome(out)).toEqual(outcome(at('filled')));
  });

  it('is killed at any time', () => {
    const out = at('any');
    for (const [i, killAfter] of [30, 90, 10, 200, 60].entries()) {
      child(out, { killAfter, saveEvery: i % 2 === 0 ? 0 : 0.05 });
    }
    expect(child(out, {}).status).toBe(0);
    expect(outcome(out)).toEqual(expected);
  });
});

describe('two at once in one folder', () => {
  it('the second is refused, naming the process of the first', async () => {
    const out = at('shared');
    const slow = { ...options, out, tokens: 64 * 100_000 };
    const first = spawn(process.execPath, [CHILD, JSON.stringify({ options: slow, saveEvery: 0 })]);
    try {
      await new Promise<void>((resolve) => {
        first.stdout.on('data', (chunk) => `${chunk}`.includes('train') && resolve());
      });
      const message = (option: string) =>
        new RegExp(`process ${first.pid} is training in .*shared: .*another output \\(${option}\\)`);
      await expect(trainSae(slow)).rejects.toMatchObject({
        code: 'busy',
        message: expect.stringMatching(message('option out')),
      });
      const args = [
        '--model',
        model,
        '--data',
        text,
        '--site',
        options.site!,
        '--context',
        '32',
        '--latents',
        '64',
        '--k',
        '4',
      ];
      const more = ['--embedding-weight', '0.2', '--tokens', String(slow.tokens), '--batch', '64'];
      const rest = ['--buffer', '2100', '--log-every', '3', '--out', out];
      expectFailure(await cli(['sae', 'train', ...args, ...more, ...rest]), message('--out'));
    } finally {
      first.kill('SIGKILL');
      await new Promise((resolve) => first.on('close', resolve));
    }
    // What the killed one left is no hindrance.
    expect(existsSync(join(out, 'polyseme.lock'))).toBe(true);
    const { signal, steps } = child(out, { options: slow, killAfter: 500 });
    expect([signal, steps.length > 0]).toEqual(['SIGKILL', true]);
  });

  it('in one process, too', async () => {
    const out = at('twice');
    const ended = await Promise.allSettled([trainSae({ ...options, out }), trainSae({ ...options, out })]);
    const refused = ended.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(1);
    expect(String((refused[0] as PromiseRejectedResult).reason)).toMatch(
      `process ${process.pid} is training in`,
    );
    expect(outcome(out)).toEqual(expected);
  });

  it.each([
    ['a process that is gone', { pid: 2 ** 22 + 12345, host: hostname(), began: null }],
    ['an earlier process of this number', { pid: process.pid, host: hostname(), began: 'another boot 1' }],
    ['an earlier process of a living one’s number', { pid: process.ppid, host: hostname(), began: 'boot 1' }],
    ['nobody: its writer was killed', null],
  ])('a lock of %s is taken over', async (name, holder) => {
    const out = at(`left-${name}`);
    mkdirSync(out);
    writeFileSync(join(out, 'polyseme.lock'), holder === null ? '' : JSON.stringify(holder));
    await trainSae({ ...options, tokens: 64, evalTokens: 0, out });
    expect(readdirSync(out)).not.toContain('polyseme.lock');
  });
});
