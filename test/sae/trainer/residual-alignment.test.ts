import { describe, expect, it } from 'vitest';
import { SaeTrainer } from '../../../src/sae/trainer/trainer.ts';
import type { SaeTrainerOptions, SaeWeights } from '../../../src/sae/trainer/trainer-options.ts';
import { forward, makeBatch, makeWeights } from './reference.ts';

const d = 12;
const latents = 30;
const tokens = 40;
const weight = 0.2;
/** Decoder rows of all norms, from 0.2 to 3. */
const initial = (() => {
  const weights = makeWeights(7, d, latents);
  return {
    ...weights,
    W_dec: weights.W_dec.map((value, i) => value * (0.2 + (2.8 * Math.floor(i / d)) / latents)),
  };
})();
const batch = makeBatch(1, tokens, d);
const options: SaeTrainerOptions = {
  architecture: 'relu',
  width: d,
  latents,
  residualWeight: weight,
  learningRate: 1e-3,
  initial,
  threads: 1,
};

async function firstStep(extra: Partial<SaeTrainerOptions>, x = batch, share = 1, isControl = false) {
  const trainer = await SaeTrainer.create({ ...options, ...extra }, true, share, isControl);
  try {
    const step = await trainer.step(x);
    return { step, gradients: trainer.gradients(), weights: trainer.weights() };
  } finally {
    await trainer.close();
  }
}

const energy = batch.reduce((sum, value) => sum + value * value, 0) / tokens;

/** Σ 1 − cos over the pairs where `active` says so, in float64 and straight from the definition; directions of d as in `frozen`. */
function alignment(
  weights: Record<keyof SaeWeights, ArrayLike<number>>,
  frozen: ArrayLike<number>,
  active: (pair: number) => boolean,
  isControl = false,
): { mse: number; alignment: number; pairs: number } {
  const { W_enc, b_enc, W_dec, b_dec } = weights;
  let [mse, sum, pairs] = [0, 0, 0];
  for (let t = 0; t < tokens; t++) {
    const z = Array.from({ length: latents }, (_, j) => {
      if (!active(t * latents + j)) return 0;
      let pre = b_enc[j]!;
      for (let k = 0; k < d; k++) pre += (batch[t * d + k]! - b_dec[k]!) * W_enc[k * latents + j]!;
      return pre;
    });
    const error = Array.from({ length: d }, (_, k) =>
      z.reduce((rest, value, j) => rest - value * W_dec[j * d + k]!, batch[t * d + k]! - b_dec[k]!),
    );
    mse += dot(error, error) / tokens;
    for (const [j, value] of z.entries()) {
      if (!active(t * latents + j)) continue;
      pairs++;
      if (isControl) {
        const x = [...batch.subarray(t * d, (t + 1) * d)];
        sum += dot(error, error) / dot(x, x);
        continue;
      }
      const row = Array.from({ length: d }, (_, k) => frozen[j * d + k]!);
      const length =
        Math.hypot(...Array.from({ length: d }, (_, k) => W_dec[j * d + k]!)) / Math.hypot(...row);
      const left = error.map((e, k) => e + value * length * row[k]!);
      sum += 1 - dot(left, row) / Math.sqrt(dot(left, left) * dot(row, row));
    }
  }
  return { mse, alignment: sum / tokens, pairs };
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, k) => sum + value * b[k]!, 0);
}

describe('L_R', () => {
  const { z } = forward(options, initial, batch);
  const active = (pair: number) => z[pair]! > 0;
  const truth = alignment({ ...initial, threshold: [] }, initial.W_dec, active);

  it.each([1, 0])('is that of the definition, measured or trained on (dense share %s)', async (share) => {
    expect(truth.pairs).toBeGreaterThan(100);
    const trained = await firstStep({}, batch, share);
    expect(trained.step.residual).toBeCloseTo(truth.alignment, 4);
    expect(trained.step.meanResidualDistance).toBeCloseTo((truth.alignment * tokens) / truth.pairs, 5);
    expect(trained.step.loss).toBeCloseTo(truth.mse + weight * energy * truth.alignment, 3);
    const [measured, off] = [
      await firstStep({ residualWeight: 0, measureResidual: true }, batch, share),
      await firstStep({ residualWeight: 0 }, batch, share),
    ];
    expect(measured.step.residual).toBe(trained.step.residual);
    expect(measured.step.loss).toBe(off.step.loss);
    expect([off.step.residual, off.step.meanResidualDistance]).toEqual([0, null]);
    expect(measured.weights).toEqual(off.weights);
    expect(trained.weights).not.toEqual(off.weights);
  });

  it.each([
    [1, false],
    [0, false],
    [1, true],
  ])(
    'has the gradient of finite differences, with decoder rows of any norm (dense share %s, control %s)',
    async (share, isControl) => {
      const { gradients } = await firstStep({}, batch, share, isControl);
      const h = 1e-5;
      for (const name of ['W_enc', 'b_enc', 'W_dec', 'b_dec'] as const) {
        const values = Float64Array.from(initial[name]);
        const expected = values.map((value, i) => {
          const at = (by: number) => {
            const moved = { ...initial, threshold: [], [name]: values.with(i, value + by) };
            const found = alignment(moved, initial.W_dec, active, isControl);
            return found.mse + weight * energy * found.alignment;
          };
          return (at(h) - at(-h)) / (2 * h);
        });
        const most = Math.max(...expected.map(Math.abs));
        for (const [i, value] of expected.entries()) {
          expect(Math.abs(gradients[name][i]! - value), `${name}[${i}]`).toBeLessThan(2e-5 * most);
        }
      }
    },
  );

  it.each([1, 0])(
    'is 1 a pair and moves nothing where there is no direction (dense share %s)',
    async (share) => {
      // Decoder rows of 0: r has a direction, d has none. All other terms give the encoder no gradient.
      const zero = { ...initial, W_dec: new Float32Array(latents * d) };
      const { step, gradients } = await firstStep({ initial: zero }, batch, share);
      expect(step.meanResidualDistance).toBe(1);
      expect(gradients.W_enc.every((value) => value === 0)).toBe(true);
      expect(gradients.W_dec.every(Number.isFinite)).toBe(true);
    },
  );

  it('is 0 where the latents explain the input exactly, each its own part', async () => {
    // z = 2 and 3 along two orthogonal rows.
    const [W_enc, W_dec] = [new Float32Array(d * latents), new Float32Array(latents * d)];
    for (const j of [0, 1]) {
      W_enc[j * latents + j] = 0.5;
      W_dec[j * d + j] = 2;
    }
    const exact = { W_enc, W_dec, b_enc: new Float32Array(latents), b_dec: new Float32Array(d) };
    const x = new Float32Array(2 * d);
    x.set([4, 6]);
    x.set([2, 8], d);
    const { step } = await firstStep({ initial: exact }, x);
    expect([step.mse, step.l0, step.residual]).toEqual([0, 2, 0]);
  });
});

it('residualWeight must be a number of at least 0', async () => {
  await expect(firstStep({ residualWeight: -1 })).rejects.toThrow(
    'SAE training: residualWeight is -1: it must be a number of at least 0',
  );
});
