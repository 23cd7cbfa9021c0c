import { describe, expect, it } from 'vitest';
import { absorption, firing, inputDistances } from '../../bench/monosemantic/firing.mjs';
import { recovery } from '../../bench/monosemantic/recovery.mjs';
import { differs, interval } from '../../bench/monosemantic/statistics.mjs';
import { createTruth } from '../../bench/monosemantic/truth.mjs';
import { createRandom } from '../../src/base/random.ts';

const D = 8;
const ACTIVE = 2;

/** Features along the axes, and vectors of pairs of them: every pair once. */
function axes() {
  const directions = Float32Array.from({ length: D * D }, (_, i) => (i % (D + 1) === 0 ? 1 : 0));
  const pairs = Array.from({ length: D }, (_, a) => Array.from({ length: a }, (_, b) => [b, a])).flat();
  const held = Int32Array.from(pairs.flat());
  const strengths = Float32Array.from(held, (_, i) => 1 + (i % 3) / 4);
  const vectors = new Float32Array(pairs.length * D);
  held.forEach((g, i) => {
    vectors[Math.floor(i / ACTIVE) * D + g]! += strengths[i]!;
  });
  const truth = { dimension: D, features: D, active: ACTIVE, directions };
  return { truth, sample: { vectors, held, strengths, count: pairs.length } };
}

describe('measures of the monosemantic benchmark', () => {
  it('finds every feature in an SAE that is the truth', () => {
    const { truth, sample } = axes();
    const identity = truth.directions;
    const weights = {
      W_enc: identity,
      W_dec: identity,
      b_enc: new Float32Array(D),
      b_dec: new Float32Array(D),
    };
    expect(recovery(weights, truth, sample, ACTIVE)).toEqual({
      explainedVariance: 1,
      live: D,
      recovered: 1,
      found: 1,
      faithful: 1,
      f1: 1,
      featuresALatent: 1,
      effectiveWeights: 1,
    });
  });

  it('tells latents that stand for two features each', () => {
    const { truth, sample } = axes();
    const latents = D / 2;
    const W_enc = new Float32Array(D * latents);
    const W_dec = new Float32Array(latents * D);
    for (let i = 0; i < D; i++) {
      const j = i >> 1;
      W_enc[i * latents + j] = W_dec[j * D + i] = Math.SQRT1_2;
    }
    const weights = { W_enc, W_dec, b_enc: new Float32Array(latents), b_dec: new Float32Array(D) };
    const found = recovery(weights, truth, sample, ACTIVE);
    expect(found.live).toBe(latents);
    expect(found.recovered).toBeCloseTo(Math.SQRT1_2, 6);
    expect(found.faithful).toBeCloseTo(Math.SQRT1_2, 6);
    expect(found.found).toBe(0);
    // A latent fires for 7 + 7 − 1 pairs; 7 of them hold its first feature.
    expect(found.f1).toBeCloseTo((2 * 7) / (13 + 7), 12);
    expect(found.featuresALatent).toBeGreaterThan(1.95);
    expect(found.featuresALatent).toBeLessThanOrEqual(2);
    expect(found.effectiveWeights).toBeCloseTo(2, 6);
    expect(found.explainedVariance).toBeLessThan(0.9);
  });

  it('leaves latents out that never fire', () => {
    const { truth, sample } = axes();
    const identity = truth.directions;
    const b_enc = new Float32Array(D);
    b_enc[3] = -10;
    const weights = { W_enc: identity, W_dec: identity, b_enc, b_dec: new Float32Array(D) };
    const found = recovery(weights, truth, sample, ACTIVE);
    expect(found.live).toBe(D - 1);
    expect(found.recovered).toBeCloseTo((D - 1) / D, 12);
    expect(found.faithful).toBe(1);
  });

  it('makes vectors of so many different features in unit directions', () => {
    const truth = createTruth({ dimension: 16, features: 40, active: 3, spread: 4, seed: 1 });
    const { vectors, held, strengths, count } = truth.draw(50, createRandom(2));
    for (let g = 0; g < 40; g++) {
      const row = truth.directions.subarray(g * 16, (g + 1) * 16);
      expect(Math.hypot(...row)).toBeCloseTo(1, 6);
      expect(row.filter((value) => value !== 0)).toHaveLength(4);
    }
    for (let b = 0; b < count; b++) {
      const own = held.subarray(3 * b, 3 * b + 3);
      expect(new Set(own).size).toBe(3);
      for (let i = 0; i < 16; i++) {
        const sum = own.reduce(
          (total, g, at) => total + strengths[3 * b + at]! * truth.directions[16 * g + i]!,
          0,
        );
        expect(vectors[16 * b + i]).toBeCloseTo(sum, 5);
      }
    }
    expect(Math.min(...strengths)).toBeGreaterThanOrEqual(0.5);
    expect(Math.max(...strengths)).toBeLessThan(1.5);
  });

  it('gives 95 % t intervals over seeds', () => {
    // R: t.test(c(1, 2, 4))$conf.int is -1.461... to 6.127...
    const { mean, half } = interval([1, 2, 4])!;
    expect(mean - half!).toBeCloseTo(-1.4613, 3);
    expect(mean + half!).toBeCloseTo(6.1279, 3);
    expect(interval([1, null, 2])).toBeNull();
    expect(differs([2, 3.1, 4.05], [1, 2, 3])).toBe(true);
    expect(differs([2, 1, 4], [1, 2, 3])).toBe(false);
  });
});

describe('measures of the benchmark of L_R', () => {
  const eye = Float32Array.from({ length: 9 }, (_, i) => (i % 4 === 0 ? 1 : 0));
  const weights = { W_enc: eye, b_enc: new Float32Array(3), W_dec: eye, b_dec: new Float32Array(3) };

  it('know which latents fire: the k largest, above 0', () => {
    const { found, values, count } = firing(weights, Float32Array.of(1, 3, 2, -1, 0.5, -2), 2);
    expect([[...found], [...values], count]).toEqual([[1, 2, 1, -1], [3, 2, 0.5, 0], 2]);
  });

  it('tell how far apart the inputs of a latent lie: strongest, and any', () => {
    // Latent 0 fires on 48 vectors: on 24 of them strongly, and those are alike but for their length.
    const count = 96;
    const vectors = Float32Array.from({ length: 3 * count }, (_, i) => {
      const [t, axis] = [Math.floor(i / 3), i % 3];
      if (t >= 48) return axis === 0 ? -10 : 0;
      if (axis === 0) return t < 24 ? 11 + (t % 3) : 1;
      return t < 24 ? 0 : Math.sin(7 * t + axis) * 20;
    });
    const fired = firing(weights, vectors, 1);
    fired.found.forEach((_, t) => {
      fired.found[t] = t < 48 ? 0 : -1;
      fired.values[t] = vectors[3 * t]!;
    });
    const { compared, strongest, any } = inputDistances(fired, vectors, createRandom(0));
    expect(compared).toBe(1);
    expect(strongest).toBeLessThan(0.01);
    expect(any).toBeGreaterThan(0.3);
  });

  it('tell absorption: the recall of a parent that is lost to its child', () => {
    // Feature 0 is the parent, 1 its child, 2 another parent without any. Latent 0 stands for the parent.
    const truth = { features: 3, active: 2, parent: Int32Array.of(-1, 0, -1) };
    const held = Int32Array.of(0, -1, 0, -1, 0, 1, 0, 1, 0, 1, 0, 1);
    const found = Int32Array.of(0, 0, 0, 1, 1, 1);
    expect(absorption({ found, k: 1, latents: 2 }, truth, { held, count: 6 })).toBeCloseTo(1 - 1 / 4, 12);
    expect(absorption({ found, k: 1, latents: 2 }, { ...truth, parent: null }, { held, count: 6 })).toBe(
      null,
    );
  });
});
