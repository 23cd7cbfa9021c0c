// What a bank of 24,576 latents adds to the forward pass of a GPT-2-small-shaped model, and how long the SAE takes
// to load. Usage: node bench/sae.mjs [contexts=256] [rounds=3]
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { saeBank } from '../dist/bank/sae-bank.js';
import { createRandom } from '../dist/base/random.js';
import { cutContexts } from '../dist/corpus/contexts.js';
import { openCorpus } from '../dist/corpus/open-corpus.js';
import { loadModel } from '../dist/model/load-model.js';
import { attachSae } from '../dist/sae/attach.js';
import { saeConfig } from '../dist/sae/config.js';
import { loadSae } from '../dist/sae/load-sae.js';
import { Sae } from '../dist/sae/sae.js';
import { saveSae } from '../dist/sae/save.js';
import { rowMajor } from '../dist/tensors/matrix.js';
import { bareForward } from './forward.mjs';
import { gpt2SmallShape } from './model.mjs';
import { median, report, seconds } from './report.mjs';
import { timedHarvest } from './timed-harvest.mjs';

const LENGTH = 128;
const WIDTH = 768;
const LATENTS = 24_576;
/** Latents active at a token, about. */
const L0 = 50;

const count = Number(process.argv[2] ?? 256);
const rounds = Number(process.argv[3] ?? 3);
const threads = availableParallelism();
const model = await loadModel(await gpt2SmallShape());
const corpus = await openCorpus('builtin:sotu');
const contexts = [];
for await (const context of cutContexts(corpus, model.tokenizer, {
  length: LENGTH,
  bos: false,
  count,
  seed: 0,
}))
  contexts.push(context);

const site = `blocks.${model.config.layers - 1}.hook_resid_post`;
const folder = join(import.meta.dirname, '.cache', `sae-${WIDTH}x${LATENTS}`);
if (!existsSync(join(folder, 'cfg.json'))) await writeSae();

const loads = [];
let sae;
for (let round = 0; round < 3; round++) {
  sae = undefined;
  loads.push(
    await seconds(async () => {
      sae = await loadSae(folder);
    }),
  );
}
report('load an SAE of 151 MB', median(loads), 's', 1);

/** Weights at random; biases so that about L0 latents are active. */
async function writeSae() {
  const random = createRandom(2);
  const normal = (length, deviation) =>
    Float32Array.from(
      { length },
      () => (random.next() + random.next() + random.next() - 1.5) * 2 * deviation,
    );
  const spread = contexts.filter(
    ({ tokens }, i) => i % Math.ceil(contexts.length / 8) === 0 && tokens.length === LENGTH,
  );
  const sample = (await model.run({ tokens: spread.map(({ tokens }) => tokens), taps: [site] }))[site].data;
  const n = sample.length / WIDTH;
  const b_dec = new Float32Array(WIDTH);
  for (let i = 0; i < sample.length; i++) b_dec[i % WIDTH] += sample[i] / n;
  const config = saeConfig({ architecture: 'standard', dIn: WIDTH, dSae: LATENTS, hookName: site });
  const tensors = {
    W_enc: rowMajor(normal(WIDTH * LATENTS, 1 / Math.sqrt(WIDTH)), WIDTH, LATENTS),
    W_dec: rowMajor(normal(WIDTH * LATENTS, 1 / Math.sqrt(WIDTH)), LATENTS, WIDTH),
    b_dec,
    b_enc: new Float32Array(LATENTS),
  };
  const open = (await new Sae(config, tensors).encode(sample)).sort();
  const b_enc = new Float32Array(LATENTS).fill(-open[open.length - 1 - L0 * n]);
  await saveSae(new Sae(config, { ...tensors, b_enc }), folder);
}

async function harvested() {
  const banks = [saeBank('bench', sae, attachSae(model, sae))];
  const saveEvery = Number.POSITIVE_INFINITY;
  const run = { model, banks, contexts, length: LENGTH, select: 'top', saveEvery };
  const { found, wall } = await timedHarvest(run);
  const active = found.banks[0].statistics.active.reduce((sum, fired) => sum + fired, 0);
  return { elapsed: wall, l0: active / found.tokens };
}

const added = [];
const rates = [];
let l0 = 0;
for (let round = 0; round < rounds; round++) {
  const forward = await bareForward(model, site, contexts, LENGTH, threads);
  const { elapsed, l0: found } = await harvested();
  l0 = found;
  added.push(elapsed / forward - 1);
  rates.push((contexts.length * LENGTH) / forward);
}
report('bare forward pass', median(rates), 'tokens/s');
report('latents active at a token', l0, '');
report('a bank of 24,576 latents adds, ÷ forward', median(added), '×', 0.6);
await model.close();
