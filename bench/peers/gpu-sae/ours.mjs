// node ours.mjs FOLDER D LATENTS BATCH K RATE GAMMA plain|embedding DEVICE
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createSaeTrainer } from '../../../dist/sae/trainer/trainer.js';
import { answer } from '../child.mjs';

const STEPS = 10;
const [dir, ...rest] = process.argv.slice(2);
const [width, latents, , k, learningRate, gamma] = rest.map(Number);
const [kind, device] = rest.slice(-2);
const read = (name) => new Float32Array(Uint8Array.from(readFileSync(join(dir, name))).buffer);
const initial = Object.fromEntries(['W_enc', 'b_enc', 'W_dec', 'b_dec'].map((name) => [name, read(name)]));
const batch = read('batch');
const trainer = await createSaeTrainer({
  architecture: 'topk',
  width,
  latents,
  k,
  learningRate,
  initial,
  threads: availableParallelism(),
  device,
  ...(kind === 'embedding' && { embeddingWeight: gamma }),
});
await answer(async () => {
  let last;
  for (let step = 0; step < STEPS; step++) last = await trainer.step(batch);
  return { mse: last.mse, embedding: last.embedding ?? 0 };
});
await trainer.close();
