import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { cutContexts } from '../../src/corpus/contexts.ts';
import { openCorpus } from '../../src/corpus/open-corpus.ts';
import { evaluateSae } from '../../src/evaluate/evaluate.ts';
import { Moments } from '../../src/evaluate/moments.ts';
import { loadModel } from '../../src/index.ts';
import type { Sae } from '../../src/sae/sae.ts';
import { rowMajor } from '../../src/tensors/matrix.ts';
import { POLYSEME } from '../helpers/cli.ts';
import { identitySae, normals, randomSae, savedSae } from '../helpers/saes.ts';

const D = 256;
const LENGTH = 24;
const model = await loadModel('builtin:folio-5m');
afterAll(() => model.close());
const { vocabulary } = model.config;

async function contextsOf(bos: boolean, count: number): Promise<Int32Array[]> {
  const encoder = { encode: (text: string) => model.tokenizer.encode(text), bosId: model.tokenizer.bosId! };
  const contexts: Int32Array[] = [];
  const cut = cutContexts(await openCorpus('builtin:sotu'), encoder, { length: LENGTH, bos, count, seed: 0 });
  for await (const { tokens } of cut) contexts.push(tokens);
  return contexts;
}

let keys = 0;
/** Log-probabilities of every context's positions in double precision, the site's value replaced by `values`. */
async function logProbabilities(contexts: Int32Array[], site?: string, values: Float32Array[] = []) {
  const length = Math.max(...contexts.map((tokens) => tokens.length));
  const apply = (
    graph: { constant(data: Float32Array, shape: number[]): string },
    _: string,
    width: number,
  ) => {
    const all = new Float32Array(contexts.length * length * width);
    values.forEach((value, c) => {
      all.set(value, c * length * width);
    });
    return { replacement: graph.constant(all, [contexts.length, length, width]) };
  };
  const edits = site === undefined ? undefined : { key: `edit ${keys++}`, list: [{ site, apply }] };
  const { data } = (await model.run({ tokens: contexts, taps: ['logits'], edits: edits as never }))[
    'logits'
  ]!;
  return contexts.map((tokens, c) =>
    Array.from(tokens, (_, t) => {
      const at = (c * length + t) * vocabulary;
      const row = Float64Array.from(data.subarray(at, at + vocabulary));
      const most = row.reduce((a, b) => Math.max(a, b));
      const total = Math.log(row.reduce((sum, x) => sum + Math.exp(x - most), 0)) + most;
      return row.map((x) => x - total);
    }),
  );
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, x, i) => sum + x * b[i]!, 0);

/** Every figure by its plain formula in double precision, one context and one token at a time. */
async function plainly(sae: Sae, contexts: Int32Array[], bos: boolean, output: string, centre = false) {
  const { dIn, dOut, dSae, hookName } = sae.config;
  const x: number[][] = [];
  const y: number[][] = [];
  const batches: number[] = [];
  const z: Float32Array[] = [];
  const losses: number[][] = [[], [], []];
  const divergences: number[][] = [[], []];
  const found = [];
  for (const tokens of contexts) {
    const taps = await model.run({ tokens: [tokens], taps: [hookName!, output] });
    const middle = (rows: Float32Array): Float32Array =>
      centre ? rows.map((v, i) => v - mean([...rows.subarray(i - (i % D), i - (i % D) + D)])) : rows;
    const raw = taps[output]!.data;
    const input = middle(taps[hookName!]!.data);
    const latents = await sae.encode(input);
    const outputs = await sae.decode(latents, { inputs: input });
    const patched = outputs.slice();
    if (bos) patched.set(raw.subarray(0, dOut));
    found.push({ target: middle(raw), latents, outputs, patched });
  }
  const parts = [
    await logProbabilities(contexts),
    await logProbabilities(
      contexts,
      output,
      found.map(({ patched }) => patched),
    ),
    await logProbabilities(contexts, output),
  ];
  for (const [c, tokens] of contexts.entries()) {
    const { target, latents, outputs } = found[c]!;
    for (let t = bos ? 1 : 0; t < tokens.length; t++) {
      x.push(Array.from(target.subarray(t * dOut, (t + 1) * dOut)));
      y.push(Array.from(outputs.subarray(t * dOut, (t + 1) * dOut)));
      z.push(latents.subarray(t * dSae, (t + 1) * dSae));
      batches.push(Math.floor(c / 16));
      const p = parts[0]![c]![t]!;
      for (const [i, other] of parts.slice(1).entries()) {
        divergences[i]!.push(p.reduce((sum, lp, v) => sum + Math.exp(lp) * (lp - other[c]![t]![v]!), 0));
      }
      if (t + 1 === tokens.length) continue;
      for (const [i, part] of parts.entries()) losses[i]!.push(-part[c]![t]![tokens[t + 1]!]!);
    }
  }
  expect(x[0]).toHaveLength(dOut);
  expect(dIn).toBe(D);
  const error = x.map((row, i) =>
    dot(
      row.map((v, k) => v - y[i]![k]!),
      row.map((v, k) => v - y[i]![k]!),
    ),
  );
  const centreOf = (rows: number[][]): number[] => rows[0]!.map((_, k) => mean(rows.map((row) => row[k]!)));
  const away = (row: number[], to: number[]): number => row.reduce((sum, v, k) => sum + (v - to[k]!) ** 2, 0);
  const centreAll = centreOf(x);
  const legacy: number[] = [];
  for (let b = 0; b <= batches.at(-1)!; b++) {
    const own = x.map((row, i) => ({ row, i })).filter(({ i }) => batches[i] === b);
    const to = centreOf(own.map(({ row }) => row));
    for (const { row, i } of own) legacy.push(1 - error[i]! / away(row, to));
  }
  const norm = (row: number[]): number => Math.sqrt(dot(row, row));
  const [clean, withSae, ablated] = losses.map(mean) as [number, number, number];
  const [klSae, klAblated] = divergences.map(mean) as [number, number];
  const fired = Array.from({ length: dSae }, (_, j) => z.filter((row) => row[j] !== 0).length);
  const density = fired.map((count) => count / x.length);
  return {
    reconstruction: {
      tokens: x.length,
      explainedVariance:
        1 - error.reduce((a, b) => a + b) / x.reduce((sum, row) => sum + away(row, centreAll), 0),
      explainedVarianceLegacy: mean(legacy),
      mse: mean(error),
      msePerDimension: mean(error) / dOut,
      cosine: mean(x.map((row, i) => dot(row, y[i]!) / (norm(row) * norm(y[i]!)))),
      l2NormIn: mean(x.map(norm)),
      l2NormOut: mean(y.map(norm)),
      l2Ratio: mean(x.map((row, i) => norm(y[i]!) / norm(row))),
      relativeReconstructionBias:
        mean(y.map((row) => dot(row, row))) / mean(x.map((row, i) => dot(row, y[i]!))),
    },
    sparsity: {
      tokens: x.length,
      l0: mean(z.map((row) => row.filter((v) => v !== 0).length)),
      l1: mean(z.map((row) => row.reduce((sum, v) => sum + Math.abs(v), 0))),
      dead: fired.filter((count) => count === 0).length,
      over10Percent: density.filter((share) => share > 0.1).length / dSae,
    },
    crossEntropy: {
      tokens: losses[0]!.length,
      clean,
      withSae,
      ablated,
      recovered: (ablated - withSae) / (ablated - clean),
    },
    divergence: {
      tokens: x.length,
      withSae: klSae,
      ablated: klAblated,
      recovered: (klAblated - klSae) / klAblated,
    },
  };
}

/** Every number of `plain` stands in `found`, within a relative 1e-4. */
function expectFigures(found: object, plain: object): void {
  for (const [name, value] of Object.entries(plain)) {
    const other = (found as Record<string, unknown>)[name];
    if (typeof value === 'object') expectFigures(other as object, value);
    else {
      const difference = Math.abs((other as number) - value);
      expect([name, other, value, difference <= 1e-4 * Math.max(1, Math.abs(value))]).toEqual([
        name,
        other,
        value,
        true,
      ]);
    }
  }
}

describe('every figure equals its plain formula', () => {
  test.each([
    ['standard', randomSae({ dIn: D, dSae: 64, hookName: 'blocks.1.hook_resid_post' }, { bias: -1 }), true],
    [
      'topk, normalised, at hook_z',
      randomSae(
        {
          architecture: 'topk',
          k: 9,
          dIn: D,
          dSae: 48,
          hookName: 'blocks.2.attn.hook_z',
          normalizeActivations: 'layer_norm',
        },
        { seed: 11 },
      ),
      false,
    ],
    [
      'jumprelu at mlp_out',
      randomSae(
        { architecture: 'jumprelu', dIn: D, dSae: 128, hookName: 'blocks.0.hook_mlp_out' },
        { seed: 12 },
      ),
      true,
    ],
    [
      'transcoder',
      randomSae(
        {
          transcoder: true,
          applyBDecToInput: false,
          dIn: D,
          dSae: 64,
          dOut: D,
          hookName: 'blocks.1.mlp.hook_in',
          hookNameOut: 'blocks.1.hook_mlp_out',
        },
        { seed: 13 },
      ),
      false,
    ],
    [
      'centred',
      randomSae(
        { dIn: D, dSae: 64, hookName: 'blocks.3.hook_resid_pre', centerWritingWeights: true },
        { seed: 14 },
      ),
      false,
    ],
  ])('%s', async (_, sae, bos) => {
    const contexts = await contextsOf(bos, 18);
    const { config } = sae;
    const found = await evaluateSae({
      model,
      sae,
      data: 'builtin:sotu',
      tokens: 18 * (LENGTH - (bos ? 1 : 0)),
      context: LENGTH,
      bos: bos ? 'yes' : 'no',
      polysemy: false,
    });
    expect(found.contexts).toBe(18);
    const centre = config.centerWritingWeights === true;
    expect(found.sae.centred).toBe(centre);
    expectFigures(found, await plainly(sae, contexts, bos, config.hookNameOut ?? config.hookName!, centre));
    expect(found.saebench['reconstruction_quality']!['explained_variance']).toBe(
      found.reconstruction.explainedVariance,
    );
    expect(found.saebench['model_performance_preservation']!['ce_loss_score']).toBe(
      found.crossEntropy.recovered,
    );
    const { counts } = found.sparsity.densityHistogram;
    expect(counts.reduce((a, b) => a + b) + found.sparsity.dead).toBe(config.dSae);
  });
});

const few = { model, data: 'builtin:sotu', tokens: 300, context: 40, polysemy: false } as const;

describe('what must be so', () => {
  test.each([
    ['the residual stream', identitySae({ dIn: D, hookName: 'blocks.2.hook_resid_pre', prependBos: true })],
    ['one head', identitySae({ dIn: 32, hookName: 'blocks.1.attn.hook_z', hookHeadIndex: 3 })],
    ['a normalised site', identitySae({ dIn: D, hookName: 'blocks.1.ln2.hook_normalized' })],
  ])('an identity SAE at %s loses nothing', async (_, sae) => {
    const { reconstruction, crossEntropy, divergence, sparsity } = await evaluateSae({ ...few, sae });
    expect(reconstruction.explainedVariance).toBeCloseTo(1, 6);
    expect(reconstruction.explainedVarianceLegacy).toBeCloseTo(1, 6);
    expect(reconstruction.cosine).toBeCloseTo(1, 6);
    expect(reconstruction.relativeReconstructionBias).toBeCloseTo(1, 6);
    expect(crossEntropy.withSae).toBeCloseTo(crossEntropy.clean!, 5);
    expect(crossEntropy.recovered).toBeCloseTo(1, 4);
    expect(Math.abs(divergence.withSae)).toBeLessThan(1e-5);
    expect(divergence.ablated).toBeGreaterThan(0.001);
    expect(divergence.recovered).toBeCloseTo(1, 3);
    expect(sparsity.l0).toBeCloseTo(sae.config.dIn, 0);
  });

  test('an SAE that gives zero equals zero ablation', async () => {
    const sae = randomSae(
      { dIn: D, dSae: 16, hookName: 'blocks.1.hook_resid_post', prependBos: false },
      { tensors: { W_dec: rowMajor(new Float32Array(16 * D), 16, D), b_dec: new Float32Array(D) } },
    );
    const { crossEntropy, divergence, reconstruction } = await evaluateSae({ ...few, sae });
    expect(crossEntropy.withSae).toBe(crossEntropy.ablated);
    expect(crossEntropy.recovered).toBe(0);
    expect(divergence.withSae).toBe(divergence.ablated);
    expect(reconstruction).toMatchObject({ cosine: 0, l2Ratio: 0, relativeReconstructionBias: null });
  });

  test('dead latents are those that no token activates, with the tokens beside', async () => {
    const b_enc = new Float32Array(20);
    b_enc.fill(-1e6, 0, 5);
    const sae = randomSae({ dIn: D, dSae: 20, hookName: 'blocks.1.hook_resid_post' }, { tensors: { b_enc } });
    const { sparsity } = await evaluateSae({ ...few, sae });
    expect(sparsity.dead).toBeGreaterThanOrEqual(5);
    expect(sparsity.deadShare).toBe(sparsity.dead / 20);
    expect(sparsity.tokens).toBeGreaterThanOrEqual(300);
  });

  test('bad options and SAEs that do not fit are one line', async () => {
    const sae = randomSae({ dIn: 64, dSae: 20, hookName: 'blocks.1.hook_resid_post' });
    await expect(evaluateSae({ ...few, sae })).rejects.toThrow(
      /reads width 64, but blocks.1.hook_resid_post .* has 256/,
    );
    const fits = randomSae({ dIn: D, dSae: 20, hookName: 'blocks.1.hook_resid_post' });
    await expect(evaluateSae({ ...few, sae: fits, tokens: 0 })).rejects.toThrow(/tokens is 0/);
    await expect(evaluateSae({ ...few, sae: fits, context: 4000 })).rejects.toThrow(
      /context is 4000: the model.s context has 256 tokens/,
    );
  });
});

test('explained variance is exact where means lie far from zero, in whatever batches the rows come', () => {
  const [n, width] = [600, 40];
  const noise = normals(1, n * width, 1);
  const offsets = normals(2, width, 1000);
  const rows = noise.map((value, i) => value + offsets[i % width]!);
  const errors = Float64Array.from({ length: n }, (_, i) => 5 + (i % 7));
  const means = Array.from({ length: width }, (_, k) =>
    mean(Array.from({ length: n }, (_, i) => rows[i * width + k]!)),
  );
  const spread = rows.reduce((sum, value, i) => sum + (value - means[i % width]!) ** 2, 0);
  const plain = 1 - errors.reduce((a, b) => a + b) / spread;
  expect(plain).toBeGreaterThan(0.5);
  for (const size of [n, 100, 7, 1]) {
    const moments = new Moments(width);
    for (let i = 0; i < n; i += size) {
      moments.add(rows.subarray(i * width, (i + size) * width), errors.subarray(i, i + size));
    }
    expect(moments.explained).toBeCloseTo(plain, 10);
  }
  // What SAELens up to 6.18 computes: squares of means mistaken for means of squares. It is not this.
  const squares = Array.from({ length: width }, (_, k) =>
    mean(Array.from({ length: n }, (_, i) => rows[i * width + k]! ** 2)),
  );
  const total = mean(
    Array.from({ length: n }, (_, i) =>
      dot(rows.subarray(i * width, (i + 1) * width), rows.subarray(i * width, (i + 1) * width)),
    ),
  );
  expect(Math.abs(1 - mean([...errors]) / (total - mean(squares) ** 2) - plain)).toBeGreaterThan(0.1);
});

test('sae eval prints a table, and one JSON document', async () => {
  const path = await savedSae(randomSae({ dIn: D, dSae: 24, hookName: 'blocks.1.hook_resid_post' }));
  const call = (...args: string[]) =>
    promisify(execFile)(process.execPath, [
      ...POLYSEME,
      'sae',
      ...args,
      '--no-polysemy',
      '--tokens',
      '200',
      '--context',
      '20',
    ]);
  const found = JSON.parse((await call('eval', path, '--json')).stdout);
  expect(found.crossEntropy.tokens).toBeGreaterThan(100);
  const { stdout } = await call('eval', path);
  expect(stdout).toContain(`variance explained, pooled`);
  expect(stdout).toContain(found.crossEntropy.withSae.toFixed(4));
  const failure = await call('eval', `${path}/nowhere`).catch((error) => error);
  expect(failure).toMatchObject({ code: 1, stdout: '' });
  expect(failure.stderr).toMatch(/^error: no SAE at .*nowhere[^\n]*\n$/);
});

test('sae convert gives the copy a site', async () => {
  const path = await savedSae(randomSae({ dIn: D, dSae: 24 }), 'nameless');
  const out = `${path}-copy`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...POLYSEME,
    'sae',
    'convert',
    path,
    out,
    '--format',
    'saelens',
    '--site',
    'blocks.0.hook_resid_pre',
    '--json',
  ]);
  expect(JSON.parse(stdout)).toMatchObject({
    out,
    format: 'saelens',
    config: { hookName: 'blocks.0.hook_resid_pre' },
  });
  await expect(
    promisify(execFile)(process.execPath, [...POLYSEME, 'sae', 'convert', path, out, '--format', 'zip']),
  ).rejects.toMatchObject({ code: 2 });
  await expect(
    promisify(execFile)(process.execPath, [...POLYSEME, 'sae', 'convert', path, `${path}/.`]),
  ).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^error: .* holds the SAE that is read/),
  });
  await expect(
    promisify(execFile)(process.execPath, [...POLYSEME, 'sae', 'convert', path, `${path}/cfg.json`]),
  ).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^error: cannot write an SAE to .*cfg\.json is there, and is no folder\n$/),
  });
});

const llama = new URL('../../../shared/models/stories260K', import.meta.url).pathname;
test.skipIf(!existsSync(llama))('shared: an identity SAE in a Llama model loses nothing', async () => {
  const stories = await loadModel(llama);
  const { width } = stories.config;
  for (const hookName of ['model.layers.1', 'blocks.2.attn.hook_z', 'model.layers.3.mlp']) {
    const sae = identitySae({ dIn: width, hookName, prependBos: true });
    const found = await evaluateSae({ ...few, model: stories, sae });
    expect(found.reconstruction.explainedVariance).toBeCloseTo(1, 6);
    expect(found.crossEntropy.recovered).toBeCloseTo(1, 4);
    expect(found.divergence.ablated).toBeGreaterThan(0.001);
  }
  await stories.close();
});
