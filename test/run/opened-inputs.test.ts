// A loaded model and an opened corpus give what their names give, and stay open.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  cacheActivations,
  evaluateSae,
  loadModel,
  type Model,
  openCorpus,
  runStudy,
  trainSae,
} from '../../src/index.ts';
import { writeSmallFolio } from '../helpers/small-folio.ts';

const folder = mkdtempSync(join(tmpdir(), 'polyseme-opened-'));
const at = (name: string) => join(folder, name);
const named = { model: writeSmallFolio(at('model')), data: 'builtin:sotu' } as const;
let opened: { model: Model; data: Awaited<ReturnType<typeof openCorpus>> };
beforeAll(async () => {
  opened = { model: await loadModel(named.model), data: await openCorpus(named.data) };
});
afterAll(async () => {
  await opened.model.close();
  rmSync(folder, { recursive: true, force: true });
});

it('a study', async () => {
  const options = { layers: [0], contexts: 8, context: 32, examples: 4 };
  const hashes = [];
  for (const [name, inputs] of Object.entries({ named, opened })) {
    const { contentHash } = await runStudy({ ...inputs, ...options, out: at(`${name}.db`) });
    hashes.push(contentHash);
  }
  expect(hashes[1]).toBe(hashes[0]);
  // A finished study is known again, whichever way its inputs are given.
  expect((await runStudy({ ...named, ...options, out: at('opened.db') })).contentHash).toBe(hashes[0]);
});

it('a cache, a training and an evaluation', async () => {
  const site = 'blocks.0.hook_resid_post';
  const options = { site, context: 32, latents: 16, k: [2], batch: 64, tokens: 256 };
  const found = [];
  for (const [name, inputs] of Object.entries({ named, opened })) {
    const out = at(`sae-${name}`);
    const cached = await cacheActivations({
      ...inputs,
      site,
      context: 32,
      tokens: 100,
      out: at(`cache-${name}`),
    });
    const [trained] = await trainSae({ ...inputs, ...options, evalTokens: 200, out });
    const evaluated = await evaluateSae({ ...inputs, sae: out, tokens: 200, context: 32, polysemy: false });
    const weights = createHash('sha256').update(readFileSync(join(out, 'sae_weights.safetensors')));
    const { sae: _, saebench: __, ...figures } = evaluated;
    found.push({
      origin: cached.origin,
      weights: weights.digest('hex'),
      inTraining: trained!.evaluation!.crossEntropy,
      figures,
    });
  }
  expect(found[1]).toEqual(found[0]);
});
