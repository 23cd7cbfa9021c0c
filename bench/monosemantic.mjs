// Does penalising L_N make an SAE's latents less polysemantic, and at what cost? SAEs with several weights γ at equal
// L0, three seeds each, on two sites of folio-5m, judged on text held out; and on vectors whose features are known.
// Writes docs/monosemantic.md's tables, docs/images/monosemantic.png and bench/monosemantic/results.json.
//
//   node bench/monosemantic.mjs [--folder bench/.cache/monosemantic] [--quick]
//
// Killed and typed again, it goes on. `npm run format` then lays the tables out. --quick: a small run of everything,
// which writes into the folder only.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeJson } from './monosemantic/kept.mjs';
import { measureModel } from './monosemantic/model.mjs';
import { drawPlots } from './monosemantic/plot.mjs';
import { writeTables } from './monosemantic/tables.mjs';
import { measureToy } from './monosemantic/toy.mjs';

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: join(import.meta.dirname, '.cache', 'monosemantic') },
    quick: { type: 'boolean', default: false },
  },
});
const { quick } = values;
const folder = join(values.folder, quick ? 'quick' : 'whole');
mkdirSync(folder, { recursive: true });

/** What is asked; everything else is a default of `sae train`, `sae eval`, `run` and `compare`. */
const plan = {
  seeds: quick ? [0, 1] : [0, 1, 2],
  /** Weights γ of L_N; the first is what the others are held against. */
  weights: quick ? [0, 1] : [0, 0.3, 1, 3, 10],
  model: {
    sites: ['blocks.2.hook_resid_post', 'blocks.2.mlp.hook_in'],
    latents: quick ? 256 : 2048,
    k: quick ? 8 : 32,
    tokens: quick ? 8192 : 508_000,
    batch: 512,
    evalTokens: quick ? 2000 : 40_000,
    /** Contexts of 128 tokens that examples are drawn from. */
    contexts: quick ? 100 : 2000,
    /** Examples of a latent that are compared: latents with fewer are left out. */
    examples: quick ? 8 : 24,
    /** Latents of an SAE that are compared. */
    units: quick ? 50 : 500,
  },
  toy: {
    dimension: 64,
    features: 256,
    /** Features of a vector. */
    active: 5,
    /**
     * As many latents as features, and half as many; features over all dimensions, and over a few: a basis that is
     * privileged, as the element-wise product of L_N assumes.
     */
    sets: [
      { latents: 256, spread: 64 },
      { latents: 128, spread: 64 },
      { latents: 256, spread: 8 },
      { latents: 128, spread: 8 },
    ],
    batch: 512,
    steps: quick ? 50 : 3000,
    evaluated: quick ? 1000 : 20_000,
  },
};

const started = performance.now();
const results = {
  plan,
  toy: await measureToy(plan, folder),
  model: await measureModel(plan, folder),
};
const docs = join(import.meta.dirname, '..', 'docs');
writeJson(join(quick ? folder : join(import.meta.dirname, 'monosemantic'), 'results.json'), results);
await writeTables(results, quick ? null : join(docs, 'monosemantic.md'));
await drawPlots(results, quick ? join(folder, 'plot.png') : join(docs, 'images', 'monosemantic.png'));
console.log(`${((performance.now() - started) / 60_000).toFixed(1)} minutes`);
