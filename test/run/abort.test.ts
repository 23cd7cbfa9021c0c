// An aborted call rejects with the code `aborted`, and the same call after it ends as one that was never stopped.
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cacheActivations } from '../../src/activations/cache-activations.ts';
import type { LongCall, Progress } from '../../src/base/progress.ts';
import { createRandom } from '../../src/base/random.ts';
import { evaluateSae } from '../../src/evaluate/evaluate.ts';
import { compareBanks, loadModel, openStudy, type RunProgress, runStudy, trainSae } from '../../src/index.ts';
import { gpt2Shapes } from '../helpers/reference-gpt2.ts';
import { randomTensors, writeCheckpoint } from '../helpers/tiny-checkpoint.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-abort-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);
const MODEL = { model: at('model'), data: at('texts.jsonl'), context: 64 } as const;
beforeAll(() => {
  const config = {
    model_type: 'gpt2',
    n_embd: 24,
    n_head: 3,
    n_layer: 2,
    n_inner: 160,
    n_positions: 64,
    vocab_size: 37,
  };
  writeCheckpoint(MODEL.model, { config, tensors: randomTensors(gpt2Shapes(config)) });
  const random = createRandom(1);
  const letters = () => Array.from({ length: 200 }, () => String.fromCharCode(97 + random.integer(26)));
  const texts = Array.from({ length: 60 }, () => JSON.stringify({ text: letters().join('') }));
  writeFileSync(MODEL.data, texts.join('\n'));
});

/** Options that abort at the first progress that `when` takes, and say how many came after it. */
function abortAt<P extends Progress>(
  when: (progress: P) => boolean,
): { readonly hooks: LongCall<P>; readonly after: () => number } {
  const control = new AbortController();
  let after = 0;
  const hooks: LongCall<P> = {
    signal: control.signal,
    onProgress(progress) {
      if (control.signal.aborted) after++;
      else if (when(progress)) control.abort();
    },
  };
  return { hooks, after: () => after };
}

test.each(['top', 'fraction'] as const)('a run, in its harvest and its features (%s)', async (select) => {
  const options = { ...MODEL, layers: [1], contexts: 100, examples: 4, select };
  const whole = await runStudy({ ...options, out: at(`whole-${select}.db`) });
  const out = at(`${select}.db`);
  const stops = [
    (p: Progress) => p.stage === 'harvest' && p.done >= 32,
    (p: Progress) => p.stage === 'harvest' && p.done >= 64,
    (p: Progress) => p.stage === 'features' && p.done >= 64,
  ];
  for (const when of stops) {
    const call = abortAt(when);
    await expect(runStudy({ ...options, ...call.hooks, out })).rejects.toMatchObject({ code: 'aborted' });
    expect(call.after()).toBeLessThan(4);
    const study = openStudy(out);
    expect(study.info().contentHash).toBeNull();
    study.close();
  }
  const starts: RunProgress[] = [];
  const { contentHash } = await runStudy({ ...options, out, onProgress: (p) => starts.push(p) });
  expect(contentHash).toBe(whole.contentHash);
  // It goes on from what was saved last: at the second stop, or at the start of the second pass.
  const [first] = starts;
  if (select === 'top') expect(first!.done).toBeGreaterThan(64);
  else expect(first).toMatchObject({ what: 'pass 2 of 2' });
  expect(existsSync(`${out}.harvest`)).toBe(false);
});

test('a signal that is aborted before the call leaves nothing behind', async () => {
  const out = at('never.db');
  const signal = AbortSignal.abort();
  await expect(runStudy({ ...MODEL, layers: [0], contexts: 4, out, signal })).rejects.toMatchObject({
    code: 'aborted',
  });
  expect(existsSync(out)).toBe(false);
});

test('a cache of activations, a training from it, and its evaluation', async () => {
  const site = 'blocks.1.hook_resid_post';
  const cache = at('cache');
  const options = { ...MODEL, site, tokens: 3000, out: cache };
  const call = abortAt(({ done }) => done > 1000);
  await expect(cacheActivations({ ...options, ...call.hooks })).rejects.toMatchObject({ code: 'aborted' });
  expect(call.after()).toBe(0);
  expect((await cacheActivations(options)).count).toBe(3000);

  const training = {
    activations: cache,
    latents: 32,
    k: [4],
    batch: 128,
    buffer: 2048,
    tokens: 128 * 20,
    evalTokens: 0,
  };
  const weights = (dir: string) =>
    createHash('sha256')
      .update(readFileSync(join(dir, 'sae_weights.safetensors')))
      .digest('hex');
  await trainSae({ ...training, out: at('whole') });
  const stop = abortAt(({ stage, done }) => stage === 'train' && done >= 128 * 11);
  await expect(trainSae({ ...training, out: at('stopped'), ...stop.hooks })).rejects.toMatchObject({
    code: 'aborted',
  });
  expect(stop.after()).toBe(0);
  expect(readdirSync(join(at('stopped'), 'checkpoints'))).toEqual(['checkpoint-11']);
  const first: Progress[] = [];
  await trainSae({
    ...training,
    out: at('stopped'),
    onProgress: (p) => p.stage === 'train' && first.push(p),
  });
  expect(first[0]!.done).toBe(128 * 12);
  expect(weights(at('stopped'))).toBe(weights(at('whole')));

  const model = await loadModel(MODEL.model);
  const evaluation = abortAt(({ stage }) => stage === 'evaluate');
  await expect(
    evaluateSae({ model, sae: at('whole'), data: MODEL.data, tokens: 5000, ...evaluation.hooks }),
  ).rejects.toMatchObject({ code: 'aborted' });
  await model.close();
});

test('a comparison of banks', async () => {
  const out = at('banks.db');
  await runStudy({ ...MODEL, layers: [0, 1], contexts: 100, examples: 8, out });
  const study = openStudy(out);
  const call = abortAt(() => true);
  await expect(compareBanks(study, { banks: ['mlp.0', 'mlp.1'], ...call.hooks })).rejects.toMatchObject({
    code: 'aborted',
  });
  study.close();
});
