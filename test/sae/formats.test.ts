import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { cp, mkdir, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { HubFiles } from '../../src/hub/hub.ts';
import { loadSae } from '../../src/sae/load-sae.ts';
import { Sae } from '../../src/sae/sae.ts';
import { saveSae } from '../../src/sae/save.ts';

const golden = new URL('../fixtures/sae/golden/', import.meta.url).pathname;
const temporary = () => mkdtempSync(join(tmpdir(), 'sae-'));

async function copyOf(name: string): Promise<string> {
  const folder = temporary();
  await cp(golden + name, folder, { recursive: true });
  return folder;
}

describe('configs', () => {
  test('of SAELens 6', async () => {
    const { config, notes } = await loadSae(`${golden}sl-topk-rescale`);
    expect(config).toMatchObject({
      architecture: 'topk',
      dIn: 6,
      dSae: 10,
      dOut: 6,
      k: 3,
      rescaleActsByDecoderNorm: true,
      applyBDecToInput: true,
      hookName: 'blocks.1.hook_resid_pre',
      hookHeadIndex: null,
      modelName: 'tiny',
      contextSize: 64,
      prependBos: true,
      centerWritingWeights: false,
      dtype: 'float32',
      format: 'saelens',
    });
    expect(config.metadata['neuronpedia_id']).toBe('tiny/1-res');
    expect(notes).toEqual([]);
  });

  test.each([
    [
      'sl-old-hook-point',
      { hookName: 'blocks.1.hook_resid_pre', normalizeActivations: 'none', prependBos: true },
    ],
    ['sl-old-standard', { prependBos: false, contextSize: 128, dtype: 'float32' }],
    ['sl-old-topk', { architecture: 'topk', k: 3, hookName: 'blocks.1.hook_mlp_out' }],
    ['sl-old-hook-z', { reshapeActivations: 'hook_z' }],
    ['sl-standard-hook-z', { reshapeActivations: 'hook_z', hookName: 'blocks.1.attn.hook_z' }],
    ['sl-batchtopk', { architecture: 'jumprelu', trainedAs: 'batchtopk', k: 2.5 }],
    [
      'sl-batchtopk-training',
      { architecture: 'jumprelu', trainedAs: 'batchtopk', k: 2.5, rescaleActsByDecoderNorm: false },
    ],
    ['sl-matryoshka', { trainedAs: 'matryoshka_batchtopk', groupSizes: [4, 6] }],
    ['sl-skip-transcoder', { transcoder: true, dOut: 4, applyBDecToInput: false }],
    ['sl-standard-bf16', { dtype: 'bfloat16' }],
    [
      'dl-topk',
      {
        architecture: 'topk',
        k: 3,
        hookName: 'blocks.1.hook_resid_post',
        contextSize: 64,
        modelName: 'tiny',
      },
    ],
    ['dl-matryoshka', { trainedAs: 'matryoshka_batchtopk', groupSizes: [4, 6], k: 3 }],
    ['dl-jumprelu', { architecture: 'jumprelu', applyBDecToInput: false }],
    ['sp-topk/layers.1', { hookName: 'blocks.1.hook_resid_post', modelName: 'tiny', contextSize: 64, k: 3 }],
    ['sp-transcoder/layers.1', { transcoder: true, applyBDecToInput: false }],
    [
      'gs-res/gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71',
      { hookName: 'blocks.20.hook_resid_post', modelName: 'gemma-2-2b', prependBos: true },
    ],
    [
      'gs-mlp-fortran/gemma-scope-9b-it-mlp/layer_20/width_16k/average_l0_71',
      { hookName: 'blocks.20.hook_mlp_out', modelName: 'gemma-2-9b-it' },
    ],
    [
      'gs-transcoder/gemma-scope-2b-pt-transcoders/layer_3/width_16k/average_l0_8',
      { hookNameOut: 'blocks.3.hook_mlp_out' },
    ],
    [
      'oa-topk/resid_post_mlp_v5_32k/autoencoders/8.pt',
      { hookName: 'blocks.8.hook_resid_post', k: 3, modelName: 'gpt2-small' },
    ],
    [
      'oa-relu/mlp_post_act/autoencoders/8.pt',
      { hookName: 'blocks.8.mlp.hook_post', normalizeActivations: 'none' },
    ],
  ])('%s', async (path, expected) => {
    expect((await loadSae(golden + path)).config).toMatchObject(expected);
  });

  test('what is assumed is noted', async () => {
    expect((await loadSae(`${golden}sl-standard-average`)).notes[0]).toMatch('nothing is scaled at run time');
    expect((await loadSae(`${golden}dl-standard`)).notes[0]).toMatch(
      'decoder norms were moved into the encoder',
    );
    const folder = temporary();
    await cp(`${golden}oa-relu/mlp_post_act/autoencoders/8.pt`, `${folder}/some.pt`);
    expect((await loadSae(folder)).notes).toEqual([
      'neither its files nor its path say which site it reads: give hookName',
    ]);
    const named = await loadSae(folder, { hookName: 'blocks.8.mlp.hook_post' });
    expect(named.config.hookName).toBe('blocks.8.mlp.hook_post');
    expect(named.notes).toEqual([]);
  });

  test('a scaling factor of SAELens before 6 belongs to the decoder', async () => {
    const folder = await copyOf('sl-old-ones');
    const weights = `${folder}/sae_weights.safetensors`;
    const bytes = readFileSync(weights);
    const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE())).toString());
    const start = 8 + Number(bytes.readBigUInt64LE()) + header.scaling_factor.data_offsets[0];
    for (let j = 0; j < 10; j++) bytes.writeFloatLE(j, start + 4 * j);
    writeFileSync(weights, bytes);
    await expect(loadSae(folder)).rejects.toThrow('finetuning_scaling_factor is not true');
    const cfg = JSON.parse(readFileSync(`${folder}/cfg.json`, 'utf8'));
    writeFileSync(`${folder}/cfg.json`, JSON.stringify({ ...cfg, finetuning_scaling_factor: true }));
    const [scaled, plain] = [await loadSae(folder), await loadSae(`${golden}sl-old-ones`)];
    expect([...scaled.W_dec]).toEqual(
      Array.from(plain.W_dec, (value, i) => Math.fround(value * Math.floor(i / 6))),
    );
  });
});

describe('where an SAE is found', () => {
  test('the format is told from the content, not the name', async () => {
    const folder = temporary();
    await cp(
      `${golden}gs-res-compressed/gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71/params.npz`,
      `${folder}/x.dat`,
    );
    await cp(`${golden}dl-legacy/ae.pt`, `${folder}/y.dat`);
    await cp(`${golden}dl-legacy/config.json`, `${folder}/config.json`);
    expect((await loadSae(`${folder}/x.dat`)).config.format).toBe('gemma_scope');
    expect((await loadSae(`${folder}/y.dat`)).config.format).toBe('dictionary_learning');
  });

  test('a folder of SAEs names them; a folder of several files asks which', async () => {
    await expect(loadSae(`${golden}sp-topk`)).rejects.toThrow('folders below have one: layers.1');
    const folder = temporary();
    writeFileSync(`${folder}/1.pt`, '');
    writeFileSync(`${folder}/2.pt`, '');
    await expect(loadSae(folder)).rejects.toThrow('Name one: 1.pt, 2.pt');
    await expect(loadSae(temporary())).rejects.toThrow('none of sae_weights.safetensors');
    await expect(loadSae('/nowhere/sae')).rejects.toThrow('no SAE at /nowhere/sae');
  });

  test('a repository of the hub', async () => {
    const asked: string[] = [];
    const hub: HubFiles = {
      async list({ name, revision }) {
        asked.push(`${name}@${revision}`);
        const all = await readdir(golden, { recursive: true, withFileTypes: true });
        return all
          .filter((entry) => entry.isFile())
          .map((entry) => ({
            path: posix.relative(golden, posix.join(entry.parentPath, entry.name)),
            size: 1,
          }));
      },
      async download(_, path) {
        asked.push(path);
        return golden + path;
      },
    };
    const sae = await loadSae('hf:owner/name@v1:sp-topk/layers.1', { hub });
    expect(sae.config).toMatchObject({
      format: 'sparsify',
      modelName: 'tiny',
      hookName: 'blocks.1.hook_resid_post',
    });
    expect(asked).toEqual([
      'owner/name@v1',
      'sp-topk/layers.1/sae.safetensors',
      'sp-topk/layers.1/cfg.json',
      'sp-topk/config.json',
    ]);
    expect(
      (await loadSae('hf:owner/name:oa-relu/mlp_post_act/autoencoders/8.pt', { hub })).config.hookName,
    ).toBe('blocks.8.mlp.hook_post');
    await expect(loadSae('hf:owner/name:sp-topk', { hub })).rejects.toThrow(
      'folders below have one: layers.1',
    );
    await expect(loadSae('hf:owner/name:nothing', { hub })).rejects.toThrow('has nothing there');
    await expect(loadSae('hf:a/b/c:x', { hub })).rejects.toThrow('is not hf:owner/name[@revision][:path]');
  });
});

describe('what a format cannot express is refused by name', () => {
  test.each([
    ['sl-gated', 'gemma_scope', 'no gated architecture'],
    ['sl-gated-whole-input', 'dictionary_learning', 'no gated SAE without b_dec taken from its input'],
    ['sl-standard', 'gemma_scope', 'no SAE with b_dec taken from its input'],
    ['sl-standard-layer-norm', 'dictionary_learning', 'no normalisation of inputs (layer_norm)'],
    ['sl-topk', 'openai', 'no topk SAE with normalize_activations none'],
    ['sl-jumprelu-layer-norm', 'sparsify', 'no jumprelu architecture'],
    ['sl-jumprelu-log-threshold', 'dictionary_learning', 'a threshold for each latent'],
    ['sp-skip/layers.1', 'saelens', 'no skip connection (W_skip)'],
    ['sp-groupmax/layers.1', 'saelens', 'no groupmax architecture'],
    ['sl-transcoder', 'saelens', 'transcoders are only read'],
  ] as const)('%s as %s', async (name, format, reason) => {
    const folder = temporary();
    const failure = await saveSae(await loadSae(golden + name), folder, { format }).catch((error) => error);
    expect(failure.message).toContain(reason);
    expect(failure.message).not.toContain('\n');
    expect(await readdir(folder)).toEqual([]);
  });

  test('an unknown format', async () => {
    const sae = await loadSae(`${golden}sl-standard`);
    await expect(saveSae(sae, temporary(), { format: 'toString' as 'saelens' })).rejects.toThrow(
      'not one of saelens',
    );
  });
});

describe('saving', () => {
  test('keeps the metadata of SAELens, and says what others lose', async () => {
    const folder = temporary();
    const sae = await loadSae(`${golden}sl-jumprelu`);
    expect(await saveSae(sae, folder)).toEqual([]);
    const cfg = JSON.parse(readFileSync(`${folder}/cfg.json`, 'utf8'));
    const original = JSON.parse(readFileSync(`${golden}sl-jumprelu/cfg.json`, 'utf8'));
    expect(cfg).toEqual(original);
    expect((await saveSae(sae, folder, { format: 'gemma_scope' }))[0]).toMatch(
      'reads blocks.1.hook_resid_pre',
    );
    expect(
      (await saveSae(await loadSae(`${golden}sl-standard`), folder, { format: 'dictionary_learning' }))[0],
    ).toMatch('normalises the decoder of an AutoEncoder');
  });

  test('over the files that it was loaded from leaves the SAE in memory as it was', async () => {
    const folder = await copyOf('dl-topk');
    const sae = await loadSae(folder);
    const inputs = Float32Array.from({ length: 12 }, (_, i) => Math.sin(i));
    const other = await loadSae(`${golden}dl-batchtopk`);
    await saveSae(other, folder, { format: 'dictionary_learning' });
    expect(await sae.encode(inputs)).toEqual(await (await loadSae(`${golden}dl-topk`)).encode(inputs));
  });
});

describe('memory', () => {
  test('loading keeps one copy of the weights', async () => {
    const [dIn, dSae] = [512, 8192];
    const folder = temporary();
    await mkdir(`${folder}/big`);
    const { config } = await loadSae(`${golden}sl-standard`);
    const noise = (rows: number, cols: number) => ({
      data: Float32Array.from({ length: rows * cols }, (_, i) => Math.sin(i)),
      rows,
      cols,
      transposed: false,
    });
    const tensors = {
      W_enc: noise(dIn, dSae),
      W_dec: noise(dSae, dIn),
      b_enc: new Float32Array(dSae),
      b_dec: new Float32Array(dIn),
    };
    await saveSae(new Sae({ ...config, dIn, dSae, dOut: dIn }, tensors), `${folder}/big`);
    const before = process.memoryUsage().arrayBuffers;
    const sae = await loadSae(`${folder}/big`);
    const grown = process.memoryUsage().arrayBuffers - before;
    expect(grown).toBeLessThan(1.05 * 2 * dIn * dSae * 4);
    expect(sae.encoderColumn(3)).toEqual(
      Float32Array.from({ length: dIn }, (_, d) => tensors.W_enc.data[d * dSae + 3]!),
    );
    expect(existsSync(`${folder}/big/cfg.json`)).toBe(true);
  });
});
