// How well an SAE finds the known features that its vectors are sums of.
import { join } from 'node:path';
import { createRandom } from '../../dist/base/random.js';
import { createSaeTrainer } from '../../dist/index.js';
import { kept } from './kept.mjs';
import { recovery } from './recovery.mjs';
import { createTruth, STREAM } from './truth.mjs';

/** Figures of every (set, γ, seed). */
export async function measureToy({ seeds, weights, toy }, folder) {
  const results = [];
  for (const [set, { latents, spread }] of toy.sets.entries()) {
    for (const seed of seeds) {
      for (const weight of weights) {
        const path = join(folder, `toy-${set}-${weight}-${seed}.json`);
        const figures = await kept(path, toy, () => train({ ...toy, latents, spread, weight, seed }));
        console.log(
          `${latents} latents, features over ${spread} dimensions, γ ${weight}, seed ${seed}: ${brief(figures)}`,
        );
        results.push({ set, weight, seed, figures });
      }
    }
  }
  return results;
}

async function train({ batch, steps, evaluated, ...plan }) {
  const { dimension, active, latents, weight, seed } = plan;
  const truth = createTruth(plan);
  const trainer = await createSaeTrainer({
    architecture: 'topk',
    width: dimension,
    latents,
    k: active,
    embeddingWeight: weight,
    measureEmbedding: true,
    learningRate: 2e-3,
    learningRateWarmup: Math.ceil(steps / 20),
    learningRateDecay: Math.floor(steps / 5),
    totalSteps: steps,
    embeddingWarmup: Math.ceil(steps / 10),
    inputScale: 'sqrt-d',
    deadAfter: 10 * batch,
    auxK: { k: dimension / 2 },
    seed,
  });
  try {
    const random = createRandom(seed, STREAM.training);
    let last;
    for (let step = 0; step < steps; step++) last = await trainer.step(truth.draw(batch, random).vectors);
    const sample = truth.draw(evaluated, createRandom(seed, STREAM.sample));
    const found = recovery(trainer.weights(), truth, sample, active);
    return { ...found, embeddingDistance: last.meanEmbeddingDistance };
  } finally {
    await trainer.close();
  }
}

function brief({ explainedVariance, recovered, found, f1, featuresALatent }) {
  return `variance explained ${explainedVariance.toFixed(3)}, recovered ${recovered.toFixed(3)} (${(100 * found).toFixed(0)} %), F1 ${f1.toFixed(3)}, features a latent ${featuresALatent.toFixed(2)}`;
}
