// What a trainer saves is what `trainSae` saves: one writer, for all five architectures.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheActivations } from '../../src/activations/cache-activations.ts';
import { loadSae } from '../../src/sae/load-sae.ts';
import { saveSae } from '../../src/sae/save.ts';
import { createSaeTrainer } from '../../src/sae/trainer/trainer.ts';
import { trainSae } from '../../src/train/train.ts';

const site = 'blocks.0.hook_resid_post';
const latents = 64;
const batch = 64;
const folder = mkdtempSync(join(tmpdir(), 'polyseme-save-'));
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  await cacheActivations({
    model: 'builtin:folio-5m',
    data: 'builtin:sotu',
    site,
    tokens: 200,
    out: at('cache'),
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const architectures = [
  { architecture: 'relu', k: null, groups: null, saved: 'standard', trainedAs: null, sparsify: false },
  { architecture: 'topk', k: 5, groups: null, saved: 'topk', trainedAs: null, sparsify: true },
  {
    architecture: 'batchtopk',
    k: 4.5,
    groups: null,
    saved: 'jumprelu',
    trainedAs: 'batchtopk',
    sparsify: false,
  },
  { architecture: 'jumprelu', k: null, groups: null, saved: 'jumprelu', trainedAs: null, sparsify: false },
  {
    architecture: 'matryoshka',
    k: 4,
    groups: [2, 4, 8, 16, 34],
    saved: 'jumprelu',
    trainedAs: 'matryoshka_batchtopk',
    sparsify: false,
  },
] as const;

describe.each(architectures)('$architecture', ({ architecture, k, groups, saved, trainedAs, sparsify }) => {
  const own = at(`own-${architecture}`);
  const run = at(`run-${architecture}`);
  const metadata = { hook_name: site, model_name: 'builtin:folio-5m', context_size: 128, prepend_bos: false };

  it('keeps what it is', async () => {
    const trainer = await createSaeTrainer({
      architecture,
      width: 192,
      latents,
      learningRate: 1e-3,
      threads: 1,
      ...(k === null ? { l1: 0.1, initialThreshold: 1, bandwidth: 2 } : { k }),
    });
    try {
      const x = Float32Array.from({ length: batch * 192 }, (_, i) => Math.sin(i * i));
      for (let step = 0; step < 3; step++) await trainer.step(x);
      await trainer.save(own, metadata);
      const sae = await loadSae(own);
      expect(sae.config).toMatchObject({
        architecture: saved,
        trainedAs,
        k,
        groupSizes: groups,
        hookName: site,
        modelName: 'builtin:folio-5m',
        contextSize: 128,
        prependBos: false,
      });
      const { threshold, W_enc, W_dec, b_enc, b_dec } = trainer.weights();
      expect(sae.tensors.threshold).toEqual(threshold);
      expect([sae.W_enc, sae.W_dec, sae.tensors.b_enc, sae.tensors.b_dec]).toEqual([
        W_enc,
        W_dec,
        b_enc,
        b_dec,
      ]);
      const inMemory = trainer.sae(metadata);
      expect(await inMemory.encode(x)).toEqual(await sae.encode(x));
      await Promise.all([inMemory.dispose(), sae.dispose()]);
    } finally {
      await trainer.close();
    }
  });

  it('as trainSae does', async () => {
    await trainSae({
      activations: at('cache'),
      architecture,
      latents,
      tokens: 4 * batch,
      batch,
      buffer: 600,
      evalTokens: 0,
      threads: 1,
      out: run,
      ...(k === null ? { l1: [0.1] } : { k: [k] }),
    });
    const [one, other] = [await loadSae(own), await loadSae(run)];
    for (const name of [
      'architecture',
      'trainedAs',
      'k',
      'groupSizes',
      'applyBDecToInput',
      'hookName',
    ] as const)
      expect(one.config[name]).toEqual(other.config[name]);
    expect(Object.keys(one.tensors).sort()).toEqual(Object.keys(other.tensors).sort());
    const [first, second] = [own, run].map((dir) => JSON.parse(readFileSync(join(dir, 'cfg.json'), 'utf8')));
    expect(Object.keys(first).sort()).toEqual(Object.keys(second).sort());
    expect(first.metadata.sae_lens_version).toBe(second.metadata.sae_lens_version);
    expect(first.metadata.training_architecture_details).toEqual(
      second.metadata.training_architecture_details,
    );
  });

  it('converts where the other format can hold it', async () => {
    const sae = await loadSae(own);
    const there = at(`dl-${architecture}`);
    if (architecture === 'jumprelu') {
      await expect(saveSae(sae, there, { format: 'dictionary_learning' })).rejects.toThrow(
        'threshold for each latent',
      );
    } else {
      await saveSae(sae, there, { format: 'dictionary_learning' });
      const back = await loadSae(there);
      expect(back.config.groupSizes).toEqual(groups);
      // This format has whole numbers alone.
      expect(back.config.k).toBe(k === null ? null : Math.round(k));
      expect(back.tensors.threshold).toEqual(sae.tensors.threshold);
    }
    const sparse = at(`sparsify-${architecture}`);
    if (!sparsify) {
      await expect(saveSae(sae, sparse, { format: 'sparsify' })).rejects.toThrow(
        'cannot be written in sparsify',
      );
    } else {
      await saveSae(sae, sparse, { format: 'sparsify' });
      expect((await loadSae(sparse)).config.k).toBe(k);
    }
  });
});
