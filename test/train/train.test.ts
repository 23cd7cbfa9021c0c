// `trainSae` and `sae train`: what it learns, that it goes on to the bit, and what it refuses.
import { spawnSync } from 'node:child_process';
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
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheActivations } from '../../src/activations/cache-activations.ts';
import { sealedJson, unsealedJson } from '../../src/base/sealed.ts';
import { cutContexts, loadModel, loadSae, openCorpus, openStudy } from '../../src/index.ts';
import { trainSae } from '../../src/train/train.ts';
import type { SaeTrainOptions } from '../../src/train/train-options.ts';
import { cli, compiled, expectFailure } from '../helpers/cli.ts';

const site = 'blocks.0.hook_resid_post';
const folder = mkdtempSync(join(tmpdir(), 'polyseme-training-'));
const at = (name: string) => join(folder, name);
const cache = at('cache');
const base: SaeTrainOptions = {
  activations: cache,
  latents: 64,
  k: [4],
  tokens: 24 * 64,
  batch: 64,
  buffer: 600,
  logEvery: 3,
  evalTokens: 0,
  threads: 1,
};

beforeAll(async () => {
  await cacheActivations({ model: 'builtin:folio-5m', data: 'builtin:sotu', site, tokens: 300, out: cache });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const digest = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
const weights = (out: string) => digest(join(out, 'sae_weights.safetensors'));
const logOf = (out: string) =>
  readFileSync(join(out, 'log.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const { tokensPerSecond, ...rest } = JSON.parse(line);
      expect(tokensPerSecond).toBeGreaterThan(0);
      return rest;
    });

/** Variance explained, pooled over rows, as its definition says, in double precision; and L0. */
async function quality(dir: string, x: Float32Array) {
  const sae = await loadSae(dir);
  const d = sae.config.dIn;
  const latents = await sae.encode(x);
  const y = await sae.decode(latents);
  await sae.dispose();
  const n = x.length / d;
  const mean = new Float64Array(d);
  x.forEach((value, i) => {
    mean[i % d]! += value / n;
  });
  let [error, total] = [0, 0];
  x.forEach((value, i) => {
    error += (value - y[i]!) ** 2;
    total += (value - mean[i % d]!) ** 2;
  });
  const active = latents.reduce((sum, value) => sum + (value === 0 ? 0 : 1), 0);
  return { fve: 1 - error / total, l0: active / n, sae };
}

describe('killed and run again', () => {
  const kinds: Record<string, Partial<SaeTrainOptions>> = {
    topk: { embeddingWeight: [0.2], residualWeight: [0.05] },
    'relu, resampled and clipped': {
      architecture: 'relu',
      k: undefined,
      l1: [1],
      resample: 5,
      clip: 1,
      deadAfter: 200,
    },
  };
  it.each(Object.entries(kinds))('%s: ends with the same weights and log to the bit', async (name, kind) => {
    const options = { ...base, ...kind };
    const whole = at(`whole-${name}`);
    await trainSae({ ...options, out: whole });
    const child = (out: string, killing: object) =>
      spawnSync(
        process.execPath,
        [
          compiled('test/helpers/run-training.mjs'),
          JSON.stringify({ options: { ...options, out }, saveEvery: 0, ...killing }),
        ],
        { encoding: 'utf8' },
      );
    const out = at(`cut-${name}`);
    for (const killing of [{ killAt: 1 }, { killAt: 7 }, { killInSave: 12 }, { killAt: 23 }]) {
      const { signal, stderr } = child(out, killing);
      expect(signal, stderr).toBe('SIGKILL');
      expect(existsSync(join(out, 'sae_weights.safetensors'))).toBe(false);
    }
    expect(readdirSync(join(out, 'checkpoints'))).toContain('checkpoint-22');
    const { status, stderr } = child(out, {});
    expect(status, stderr).toBe(0);
    expect(weights(out)).toBe(weights(whole));
    expect(logOf(out)).toEqual(logOf(whole));
    expect(logOf(out).map(({ step }) => step)).toEqual([3, 6, 9, 12, 15, 18, 21, 24]);
    expect(existsSync(join(out, 'checkpoints'))).toBe(false);
  });

  it('streams from the model to the same weights, too', async () => {
    const { activations: _, ...rest } = base;
    const text = at('text.txt');
    writeFileSync(text, 'The captain sailed past the harbour and wrote home. '.repeat(120));
    const options = { ...rest, data: text, site, context: 32, buffer: 3000, tokens: 64 * 50 };
    await trainSae({ ...options, out: at('streamed') });
    let killed = false;
    const stop = new Error('stop');
    const hooks = {
      saveEvery: 0,
      onProgress({ stage, saes }: { stage: string; saes: readonly { step: { step: number } }[] }) {
        if (!killed && stage === 'train' && saes[0]!.step.step === 31) {
          killed = true;
          throw stop;
        }
      },
    };
    const out = at('streamed-again');
    await expect(trainSae({ ...options, ...hooks, out })).rejects.toBe(stop);
    await trainSae({ ...options, ...hooks, out });
    expect(weights(out)).toBe(weights(at('streamed')));
  });
});

describe('a sweep', () => {
  it('gives each member what it would have alone', async () => {
    const out = at('sweep');
    const found = await trainSae({ ...base, k: [3, 6], embeddingWeight: [0, 0.5], out });
    const names = ['k-3_embedding-0', 'k-3_embedding-0.5', 'k-6_embedding-0', 'k-6_embedding-0.5'];
    expect(found.map(({ name }) => name)).toEqual(names);
    await trainSae({ ...base, k: [6], embeddingWeight: [0.5], out: at('alone') });
    expect(weights(join(out, names[3]!))).toBe(weights(at('alone')));
    expect(new Set(names.map((name) => weights(join(out, name)))).size).toBe(4);
    // L_N is measured where it is not in the loss; in the loss, it is smaller.
    const [without, withIt] = found.map(({ last }) => last.meanEmbeddingDistance!);
    expect(withIt).toBeLessThan(without!);
    // Done: nothing is trained again.
    let steps = 0;
    const again = { onProgress: () => steps++ };
    expect(await trainSae({ ...base, k: [3, 6], embeddingWeight: [0, 0.5], ...again, out })).toEqual(found);
    expect(steps).toBe(0);
  });
});

describe('L_R', () => {
  it('is shown of every SAE of a sweep over its weight, made smaller where it has one, and told by the card', async () => {
    const out = at('residual');
    const options = { ...base, k: [6], residualWeight: [0, 0.047], out };
    const found = await trainSae(options);
    expect(found.map(({ name }) => name)).toEqual(['residual-0', 'residual-0.047']);
    const [without, withIt] = found.map(({ last }) => last.meanResidualDistance!);
    expect(withIt).toBeLessThan(without!);
    const [lines] = ['residual-0.047'].map((name) =>
      readFileSync(join(out, name, 'log.jsonl'), 'utf8').trim(),
    );
    const { loss, mse, residual, meanResidualDistance } = JSON.parse(lines!.split('\n').at(-1)!);
    expect(residual / meanResidualDistance).toBeCloseTo(6, 1);
    expect(loss).toBeGreaterThan(mse);
    expect(readFileSync(join(out, 'residual-0.047', 'README.md'), 'utf8')).toContain(
      '| weight of L_R (residual alignment) | 0.047 · mean ‖x‖² (',
    );
    // A training from before L_R was known has none.
    const older = at('older');
    const plain = await trainSae({ ...base, k: [6], out: older });
    expect(plain[0]!.last.meanResidualDistance).toBe(null);
    expect(weights(older)).toBe(weights(join(out, 'residual-0')));
    const path = join(older, 'run.json');
    const run = JSON.parse(readFileSync(path, 'utf8'));
    delete run.options.residualWeight;
    writeFileSync(path, JSON.stringify(run));
    expect(await trainSae({ ...base, k: [6], out: older })).toEqual(plain);
  });
});

describe('what it refuses', () => {
  it.each<[string, Partial<SaeTrainOptions>, RegExp]>([
    ['γ < 0', { embeddingWeight: [-1] }, /embeddingWeight/],
    ['a weight of L_R < 0', { residualWeight: [-1] }, /residualWeight/],
    ['k > latents', { k: [65] }, /k is 65: .*number of latents, 64/],
    ['k of relu', { architecture: 'relu' }, /option k does not belong to relu/],
    [
      'a buffer larger than memory',
      { buffer: 1e12 },
      /more than 90 % .* for the buffer of 1000000000000 vectors;.* lower buffer$/,
    ],
    ['a buffer smaller than two batches', { buffer: 100 }, /buffer is 100: it must be at least 600/],
    [
      'another site than the cache’s',
      { site: 'blocks.1.hook_resid_post' },
      /activations of site blocks\.0.*not of blocks\.1/,
    ],
    ['no cache', { activations: folder }, /no manifest\.json/],
  ])('%s', async (_, options, message) => {
    const out = at('refused');
    await expect(trainSae({ ...base, out, ...options })).rejects.toThrow(message);
    expect(existsSync(out)).toBe(false);
  });

  it('a cache of another model', async () => {
    const path = join(cache, 'manifest.json');
    const text = readFileSync(path, 'utf8');
    try {
      const { origin, ...rest } = unsealedJson(text) as { origin: object };
      writeFileSync(path, sealedJson({ ...rest, origin: { ...origin, modelDigest: 'x' } }));
      await expect(trainSae({ ...base, out: at('refused') })).rejects.toThrow(
        /activations of model builtin:folio-5m, not of/,
      );
    } finally {
      writeFileSync(path, text);
    }
  });

  it.each([
    ['not JSON', '{"version": 1,', /run\.json is not valid JSON: .*delete the folder to start again/],
    ['without options', '{"version": 1, "options": null, "result": null}', /no training's \(options: /],
    ['of another version', '{"version": 9, "options": {}, "result": null}', /no training's \(version: /],
    [
      'with a result that is none',
      '{"version": 1, "options": {}, "result": [3]}',
      /no training's \(result\.0: /,
    ],
    ['too large', ' '.repeat((8 << 20) + 1), /has 8388609 bytes/],
  ])('a folder whose run.json is %s', async (name, text, message) => {
    const out = at(`damaged-${name.replaceAll(' ', '-')}`);
    mkdirSync(out);
    writeFileSync(join(out, 'run.json'), text);
    await expect(trainSae({ ...base, out })).rejects.toThrow(message);
  });

  it('a folder of a training with other options, naming them', async () => {
    const out = at('other');
    await trainSae({ ...base, tokens: 64, out });
    const before = weights(out);
    await expect(trainSae({ ...base, tokens: 64, seed: 9, batch: 32, out })).rejects.toThrow(
      /other options \(batch 64 there, 32 asked; seed 0 there, 9 asked\)/,
    );
    expect(weights(out)).toBe(before);
  });

  it('divergence: the step, the likely cause, and the checkpoint kept', async () => {
    const out = at('diverged');
    const options = {
      ...base,
      architecture: 'relu' as const,
      k: undefined,
      learningRate: 1e9,
      scale: false,
      out,
    };
    await expect(trainSae({ ...options, saveEvery: 0 })).rejects.toThrow(
      /diverged in step \d+: .*learning rate/,
    );
    expect(readdirSync(join(out, 'checkpoints')).some((name) => /^checkpoint-\d+$/.test(name))).toBe(true);
  });

  it('on the command line: usage, and a site that the model has not', async () => {
    const usage = await cli([
      'sae',
      'train',
      '--site',
      site,
      '--arch',
      'relu',
      '--k',
      '3',
      '--out',
      at('usage'),
    ]);
    expect([usage.code, usage.stderr]).toEqual([
      2,
      expect.stringMatching(/^error: --k does not belong to relu/),
    ]);
    const wrong = await cli(['sae', 'train', '--site', 'blocks.9.hook_resid_post', '--out', at('usage')]);
    expectFailure(wrong, /no site blocks\.9\.hook_resid_post/);
  });
});

describe('on folio-5m', () => {
  it('explains 0.80 of the variance at L0 ≤ 40 of held-out contexts, and loads everywhere', async () => {
    const deep = 'blocks.2.hook_resid_post';
    const out = at('folio');
    // `train` takes these contexts by seed 0; those of seed 1 that are not among them are held out.
    const options = ['--site', deep, '--tokens', '70000', '--contexts', '560', '--batch', '256'];
    const more = ['--latents', '1024', '--lr', '0.002', '--eval-tokens', '1000', '--json', '--out', out];
    const began = performance.now();
    const done = await cli(['sae', 'train', ...options, ...more]);
    const seconds = (performance.now() - began) / 1000;
    expect(done.code, done.stderr).toBe(0);
    const [trained] = JSON.parse(done.stdout);
    expect(trained.evaluation.reconstruction.explainedVariance).toBeGreaterThan(0.75);

    const model = await loadModel('builtin:folio-5m');
    const corpus = await openCorpus('builtin:sotu');
    const encoder = { encode: (text: string) => model.tokenizer.encode(text) };
    const drawn = (count: number, seed: number) =>
      cutContexts(corpus, encoder, { length: 128, bos: false, count, seed });
    const trainedOn = new Set<string>();
    for await (const { document, start } of drawn(560, 0)) trainedOn.add(`${document}:${start}`);
    const rows: number[] = [];
    for await (const { document, start, tokens } of drawn(50, 1)) {
      if (trainedOn.has(`${document}:${start}`)) continue;
      const { data } = (await model.run({ tokens: [tokens], taps: [deep] }))[deep]!;
      for (const value of data) rows.push(value);
    }
    expect(rows.length).toBeGreaterThan(4000 * 256);
    await model.close();
    const { fve, l0, sae } = await quality(out, Float32Array.from(rows));
    console.log(
      `held out: variance explained ${fve.toFixed(4)} at L0 ${l0.toFixed(1)}, ${seconds.toFixed(0)} s in all`,
    );
    expect(l0).toBeLessThanOrEqual(40);
    expect(fve).toBeGreaterThanOrEqual(0.8);
    expect(sae.config).toMatchObject({
      hookName: deep,
      modelName: 'builtin:folio-5m',
      contextSize: 128,
      prependBos: false,
    });
    expect(readFileSync(join(out, 'README.md'), 'utf8')).toMatch(/not held out[\s\S]*## Limits/);

    const study = at('study.db');
    const run = [
      'run',
      '--layers',
      'none',
      '--contexts',
      '10',
      '--examples',
      '4',
      '--sae',
      out,
      '--out',
      study,
    ];
    const ran = await cli(run);
    expect(ran.code, ran.stderr).toBe(0);
    const opened = openStudy(study);
    expect(opened.info().banks.map(({ name }) => name)).toContain('sae/folio');
    opened.close();
  });
});

describe('every architecture', () => {
  it.each(['relu', 'batchtopk', 'jumprelu', 'matryoshka'] as const)(
    '%s: saved weights encode raw activations',
    async (architecture) => {
      const out = at(architecture);
      const k = ['relu', 'jumprelu'].includes(architecture) ? undefined : [4];
      const [found] = await trainSae({ ...base, architecture, k, tokens: 64 * 200, learningRate: 3e-3, out });
      const x: number[] = [];
      const { openCache } = await import('../../src/activations/cache.ts');
      const source = await openCache(cache);
      for await (const { vectors } of source.pass(0)) x.push(...vectors.subarray(0, 100 * source.width));
      await source.close();
      const { fve } = await quality(out, Float32Array.from(x));
      // Inputs are some 30 times smaller than the scaled ones that it was trained on.
      expect(Math.abs(fve - found!.last.explainedVariance!)).toBeLessThan(0.15);
      expect(fve).toBeGreaterThan(0.3);
    },
  );
});
