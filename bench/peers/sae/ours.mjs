// node ours.mjs FOLDER D LATENTS BATCH L1 RATE GAMMA plain|embedding
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createSaeTrainer } from '../../../dist/sae/trainer/trainer.js';
import { answer } from '../child.mjs';

const [dir, ...rest] = process.argv.slice(2);
const [width, latents, , l1, learningRate, gamma] = rest.map(Number);
const read = (name) => new Float32Array(Uint8Array.from(readFileSync(join(dir, name))).buffer);
const initial = Object.fromEntries(['W_enc', 'b_enc', 'W_dec', 'b_dec'].map((name) => [name, read(name)]));
const batch = read('batch');
const trainer = await createSaeTrainer({
  architecture: 'relu',
  width,
  latents,
  l1,
  learningRate,
  initial,
  threads: availableParallelism(),
  ...(rest.at(-1) === 'embedding' && { embeddingWeight: gamma }),
});
await answer(async () => {
  const { mse, sparsity, embedding, l0 } = await trainer.step(batch);
  return { mse, sparsity, embedding: embedding ?? 0, l0 };
});
await trainer.close();
