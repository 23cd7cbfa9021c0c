// The bare pass of a SmolLM2-135M-shaped model against that of a GPT-2-small-shaped one: floating-point operations a second.
// Measured in turn, so that both have the same machine.
import { loadModel } from '../dist/index.js';
import { bareForward } from './forward.mjs';
import { gpt2SmallShape, smolLmShape } from './model.mjs';

const LENGTH = 128;
const CONTEXTS = 16;
const ROUNDS = 5;
const THREADS = 2;

/** Operations of a token: two for each weight of the blocks, and for each pair of a query with a key and a value. */
const SHAPES = [
  { name: 'GPT-2 small', dir: await gpt2SmallShape(), operations: operations(12, 12 * 768 ** 2, 768) },
  {
    name: 'SmolLM2-135M',
    dir: await smolLmShape(),
    operations: operations(30, 2 * 576 ** 2 + 2 * 576 * 192 + 3 * 576 * 1536, 576),
  },
];

function operations(layers, weights, width) {
  return layers * (2 * weights + 4 * LENGTH * width);
}

const contexts = Array.from({ length: CONTEXTS }, (_, c) => ({
  tokens: Int32Array.from({ length: LENGTH }, (_, t) => (c * 131 + t * 17) % 8000),
}));
const models = await Promise.all(SHAPES.map(({ dir }) => loadModel(dir, { threads: THREADS })));
const best = SHAPES.map(() => Number.POSITIVE_INFINITY);
for (let round = 0; round < ROUNDS; round++) {
  for (const [i, model] of models.entries()) {
    const site = `blocks.${model.config.layers - 1}.hook_resid_post`;
    best[i] = Math.min(best[i], await bareForward(model, site, contexts, LENGTH, THREADS));
  }
}
const speeds = SHAPES.map(({ operations: each }, i) => (each * LENGTH * CONTEXTS) / best[i] / 1e9);
for (const [i, { name }] of SHAPES.entries()) {
  console.log(`${name.padEnd(14)} ${best[i].toFixed(2)} s, ${speeds[i].toFixed(1)} GFLOP/s`);
}
console.log(
  `SmolLM2-135M ÷ GPT-2 small per operation: ${(speeds[1] / speeds[0]).toFixed(2)} (least asked for: 0.8)`,
);
await Promise.all(models.map((model) => model.close()));
