// Vectors that are sums of a few of many known features, more features than dimensions; and how well an SAE finds them.
import { join } from 'node:path';
import { createRandom } from '../../dist/base/random.js';
import { createSaeTrainer } from '../../dist/index.js';
import { kept } from './kept.mjs';
import { recovery } from './recovery.mjs';

/** Streams of random numbers other than the trainer's: else its first decoder would be the truth. */
const STREAM = { truth: 1001, training: 1002, sample: 1003 };

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
    inputDim: dimension,
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

/**
 * Features as unit vectors in random directions, each over `spread` of the dimensions. A vector has `active` of them, drawn without replacement with
 * chances ∝ 1/√rank, at strengths uniform in 0.5 to 1.5.
 */
export function createTruth({ dimension, features, active, spread, seed }) {
  const random = createRandom(seed, STREAM.truth);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  const directions = new Float32Array(features * dimension);
  for (let g = 0; g < features; g++) {
    const row = directions.subarray(g * dimension, (g + 1) * dimension);
    const places = random.shuffle(Int32Array.from(row.keys())).subarray(0, spread);
    for (const i of places) row[i] = normal();
    const norm = Math.hypot(...row);
    for (let i = 0; i < dimension; i++) row[i] /= norm;
  }
  const upTo = new Float64Array(features);
  for (let g = 0, sum = 0; g < features; g++) upTo[g] = sum += 1 / Math.sqrt(g + 1);
  const pick = (source) => {
    const at = source.next() * upTo[features - 1];
    let [low, high] = [0, features - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (upTo[middle] > at) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  /** n vectors, and the features of each with their strengths. */
  const draw = (n, source) => {
    const vectors = new Float32Array(n * dimension);
    const held = new Int32Array(n * active);
    const strengths = new Float32Array(n * active);
    for (let b = 0; b < n; b++) {
      const own = new Set();
      while (own.size < active) own.add(pick(source));
      let at = b * active;
      for (const g of own) {
        const strength = 0.5 + source.next();
        held[at] = g;
        strengths[at++] = strength;
        for (let i = 0; i < dimension; i++)
          vectors[b * dimension + i] += strength * directions[g * dimension + i];
      }
    }
    return { vectors, held, strengths, count: n };
  };
  return { dimension, features, active, directions, draw };
}

function brief({ explainedVariance, recovered, found, f1, featuresALatent }) {
  return `variance explained ${explainedVariance.toFixed(3)}, recovered ${recovered.toFixed(3)} (${(100 * found).toFixed(0)} %), F1 ${f1.toFixed(3)}, features a latent ${featuresALatent.toFixed(2)}`;
}
