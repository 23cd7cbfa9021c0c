import { describe, expect, it } from 'vitest';
import { SaeTrainer } from '../../../src/sae/trainer/trainer.ts';
import type { SaeTrainerOptions, SaeWeights } from '../../../src/sae/trainer/trainer-options.ts';
import { embeddingDistance, forward, makeBatch, makeWeights, normals } from './reference.ts';

const d = 12;
const latents = 30;
const tokens = 40;
const gamma = 0.7;
const initial = makeWeights(7, d, latents);
const first = makeBatch(1, tokens, d);
const second = makeBatch(2, tokens, d);
const options: SaeTrainerOptions = {
  architecture: 'relu',
  width: d,
  latents,
  l1: 0.05,
  embeddingWeight: gamma,
  learningRate: 1e-3,
  initial,
  threads: 1,
};

async function withTrainer<T>(extra: Partial<SaeTrainerOptions>, use: (trainer: SaeTrainer) => Promise<T>) {
  const trainer = await SaeTrainer.create({ ...options, ...extra }, true);
  try {
    return await use(trainer);
  } finally {
    await trainer.close();
  }
}

/** Means of the inputs that activated each latent, and how many did, in float64. */
function averages(weights: SaeWeights, batch: Float32Array) {
  const { z } = forward(options, weights, batch);
  return Array.from({ length: latents }, (_, j) => {
    const on = Array.from({ length: tokens }, (_, t) => t).filter((t) => z[t * latents + j]! > 0);
    const mean = Float64Array.from({ length: d }, (_, k) =>
      on.reduce((sum, t) => sum + batch[t * d + k]!, 0),
    );
    return { count: on.length, mean: mean.map((value) => value / on.length), on };
  });
}

/** L_N and its gradient by W_enc (d × latents) in plain float64: averages of `past`, activations of `batch`. */
function reference(weights: SaeWeights, past: ReturnType<typeof averages>, batch: Float32Array) {
  const present = averages(weights, batch);
  const gradient = new Float64Array(d * latents);
  let sum = 0;
  let pairs = 0;
  for (let j = 0; j < latents; j++) {
    if (past[j]!.count === 0) continue;
    const w = Float64Array.from({ length: d }, (_, k) => weights.W_enc[k * latents + j]!);
    const mean = past[j]!.mean.map((value, k) => value - weights.b_dec[k]!);
    for (const t of present[j]!.on) {
      const h = Float64Array.from({ length: d }, (_, k) => batch[t * d + k]! - weights.b_dec[k]!);
      const pair = embeddingDistance(mean, h, w);
      sum += pair.distance;
      pairs++;
      for (let k = 0; k < d; k++) gradient[k * latents + j]! += pair.gradient[k]! / tokens;
    }
  }
  return { embedding: sum / tokens, pairs, gradient };
}

describe('the gradient of 1 − cos(h̄ ⊙ w, h ⊙ w)', () => {
  it('is that of finite differences', () => {
    const step = 1e-6;
    for (let seed = 0; seed < 20; seed++) {
      const [mean, h, w] = [0, 1, 2].map((i) => Float64Array.from(normals(100 * seed + i, d))) as [
        Float64Array,
        Float64Array,
        Float64Array,
      ];
      const { gradient } = embeddingDistance(mean, h, w);
      for (let k = 0; k < d; k++) {
        const moved = (by: number) => embeddingDistance(mean, h, w.with(k, w[k]! + by)).distance;
        expect(gradient[k]).toBeCloseTo((moved(step) - moved(-step)) / (2 * step), 7);
      }
    }
  });

  it('is what L_N adds to the gradient of W_enc, and nothing to any other', async () => {
    const runs = [];
    for (const embeddingWeight of [0, gamma]) {
      runs.push(
        await withTrainer({ embeddingWeight }, async (trainer) => {
          await trainer.step(first);
          // In the first step no latent has an average yet, so both have the same weights here.
          const weights = trainer.weights();
          const seen = await trainer.step(second);
          return { weights, seen, gradients: trainer.gradients() };
        }),
      );
    }
    const [without, withTerm] = runs as [(typeof runs)[0], (typeof runs)[0]];
    expect(withTerm.weights).toEqual(without.weights);
    const { embedding, pairs, gradient } = reference(without.weights, averages(initial, first), second);
    expect(pairs).toBeGreaterThan(100);
    expect(withTerm.seen.embeddingPairs).toBe(pairs);
    expect(withTerm.seen.embedding).toBeCloseTo(embedding, 5);
    expect(withTerm.seen.loss).toBeCloseTo(without.seen.loss + gamma * embedding, 4);
    for (const name of ['b_enc', 'W_dec', 'b_dec'] as const) {
      expect(withTerm.gradients[name]).toEqual(without.gradients[name]);
    }
    const largest = gradient.reduce((most, value) => Math.max(most, Math.abs(gamma * value)), 0);
    expect(largest).toBeGreaterThan(1e-2);
    for (const [i, value] of gradient.entries()) {
      const added = withTerm.gradients.W_enc[i]! - without.gradients.W_enc[i]!;
      expect(Math.abs(added - gamma * value)).toBeLessThan(1e-5 * largest);
    }
  });
});

describe('the averages', () => {
  it('are only filled by the first activation of a latent: no distance, no gradient', async () => {
    const seen = await withTrainer({}, async (trainer) => {
      const step = await trainer.step(first);
      return { step, gradients: trainer.gradients() };
    });
    const plain = await withTrainer({ embeddingWeight: 0 }, async (trainer) => {
      await trainer.step(first);
      return trainer.gradients();
    });
    expect(seen.step.l0).toBeGreaterThan(1);
    expect(seen.step.embedding).toBe(0);
    expect(seen.step.embeddingPairs).toBe(0);
    expect(seen.gradients).toEqual(plain);
  });

  it('hold all inputs of a step at once, and only after it', async () => {
    // Two steps' inputs in one batch leave the same averages as sums do, and the second half sees none of the first.
    await withTrainer({ learningRate: 1e-12 }, async (trainer) => {
      await trainer.step(first);
      const { arrays } = trainer.state();
      const past = averages(initial, first);
      for (const [j, { count, mean }] of past.entries()) {
        expect(arrays.seen[j]).toBe(count);
        const stride = arrays.mean.length / latents;
        for (let k = 0; k < d && count > 0; k++) expect(arrays.mean[j * stride + k]).toBeCloseTo(mean[k]!, 5);
      }
      // The state as at the start of the step: what the batch itself adds plays no part in its own distances.
      const seen = await trainer.step(second);
      expect(seen.embedding).toBeCloseTo(reference(initial, past, second).embedding, 5);
    });
  });

  it('are running means by default, exponential on demand', async () => {
    const last = (extra: Partial<SaeTrainerOptions>) =>
      withTrainer({ learningRate: 1e-12, ...extra }, async (trainer) => {
        await trainer.step(first);
        await trainer.step(second);
        return trainer.state().arrays.mean;
      });
    const [running, exponential] = [await last({}), await last({ embeddingMean: 0.75 })];
    const [one, two] = [averages(initial, first), averages(initial, second)];
    const stride = running.length / latents;
    let both = 0;
    for (let j = 0; j < latents; j++) {
      const [a, b] = [one[j]!, two[j]!];
      if (a.count === 0 || b.count === 0) continue;
      both++;
      for (let k = 0; k < d; k++) {
        const [u, v] = [a.mean[k]!, b.mean[k]!];
        expect(running[j * stride + k]).toBeCloseTo((a.count * u + b.count * v) / (a.count + b.count), 4);
        expect(exponential[j * stride + k]).toBeCloseTo(0.75 * u + 0.25 * v, 4);
      }
    }
    expect(both).toBeGreaterThan(10);
  });

  it('give a latent that always sees one input the distance 0, and one with a zero embedding 1', async () => {
    const one = new Float32Array(2 * d).fill(1);
    const zero = makeWeights(7, d, latents);
    zero.b_dec.fill(0);
    zero.b_enc.fill(1);
    zero.W_enc.fill(0.1);
    const same = await withTrainer({ initial: zero, learningRate: 1e-12, l1: 0 }, async (trainer) => {
      await trainer.step(one);
      return trainer.step(one);
    });
    expect(same.l0).toBe(latents);
    expect(same.meanEmbeddingDistance).toBeCloseTo(0, 6);
    zero.W_enc.fill(0);
    const none = await withTrainer({ initial: zero, learningRate: 1e-12, l1: 0 }, async (trainer) => {
      // Adam's first step is the sign of the gradient: keep it so small that the encoder stays next to 0.
      await trainer.step(new Float32Array(2 * d));
      return trainer.step(new Float32Array(2 * d));
    });
    expect(none.meanEmbeddingDistance).toBe(1);
  });
});
