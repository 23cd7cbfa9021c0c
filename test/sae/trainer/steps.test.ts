import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { centre } from '../../../src/sae/trainer/initial.ts';
import { createSaeTrainer, SaeTrainer } from '../../../src/sae/trainer/trainer.ts';
import type { SaeTrainerOptions, SaeWeights } from '../../../src/sae/trainer/trainer-options.ts';
import { readSafetensorsHeader, readTensor } from '../../../src/tensors/safetensors.ts';
import { compiled } from '../../helpers/cli.ts';
import { forward, makeBatch, makeWeights } from './reference.ts';

const d = 16;
const base = { width: d, learningRate: 1e-3, embeddingWeight: 0.2, residualWeight: 0.05, threads: 2 };
const architectures: Record<string, Partial<SaeTrainerOptions> & Pick<SaeTrainerOptions, 'architecture'>> = {
  relu: { architecture: 'relu', l1: 0.05 },
  topk: { architecture: 'topk', k: 7 },
  'topk with auxiliary': { architecture: 'topk', k: 7, auxK: { k: 9 }, deadAfter: 200 },
  batchtopk: { architecture: 'batchtopk', k: 6.5 },
  jumprelu: { architecture: 'jumprelu', l1: 0.05, initialThreshold: 0.1, bandwidth: 0.2 },
  'matryoshka with auxiliary': { architecture: 'matryoshka', k: 6, auxK: {}, deadAfter: 200 },
  'relu with everything': {
    architecture: 'relu',
    l1: 0.05,
    unitNormDecoder: true,
    clipNorm: 0.5,
    decoderBias: 'geometric-median',
    inputScale: 'sqrt-d',
    learningRateWarmup: 3,
    resample: { every: 2 },
    deadAfter: 120,
  },
};

async function use<T>(options: SaeTrainerOptions, work: (trainer: SaeTrainer) => Promise<T>): Promise<T> {
  const trainer = await createSaeTrainer(options);
  try {
    return await work(trainer);
  } finally {
    await trainer.close();
  }
}

async function run(options: SaeTrainerOptions, batches: Float32Array[]) {
  return use(options, async (trainer) => {
    const steps = [];
    for (const batch of batches) steps.push(await trainer.step(batch));
    return { steps, state: trainer.state(), weights: trainer.weights() };
  });
}

describe.each(Object.entries(architectures))('%s', (_, architecture) => {
  it('gives the same bits with 1, 2 and 3 threads', async () => {
    // More than one tile of latents and of blocks, and a last one that is not full.
    const options: SaeTrainerOptions = { ...base, latents: 600, ...architecture };
    const batches = [0, 1, 2, 3].map((seed) => makeBatch(seed, 150, d));
    const one = await run({ ...options, threads: 1 }, batches);
    expect(one.steps.at(-1)!.l0).toBeGreaterThan(2);
    for (const threads of [2, 3]) expect(await run({ ...options, threads }, batches)).toEqual(one);
  });

  it('goes on from a state to the bit', async () => {
    const options: SaeTrainerOptions = { ...base, latents: 100, ...architecture };
    const batches = [0, 1, 2, 3, 4, 5].map((seed) => makeBatch(seed, 70, d));
    const whole = await run(options, batches);
    const half = await run(options, batches.slice(0, 3));
    const rest = await use(options, async (trainer) => {
      trainer.restore(half.state);
      expect(trainer.steps).toBe(3);
      expect(trainer.weights()).toEqual(half.weights);
      const steps = [];
      for (const batch of batches.slice(3)) steps.push(await trainer.step(batch));
      return { steps, state: trainer.state(), weights: trainer.weights() };
    });
    expect([...half.steps, ...rest.steps]).toEqual(whole.steps);
    expect(rest.state).toEqual(whole.state);
    expect(rest.weights).toEqual(whole.weights);
  });
});

it('goes on from a state that was saved before L_R was known', async () => {
  const options: SaeTrainerOptions = { ...base, residualWeight: 0, latents: 100, ...architectures.topk! };
  const { state } = await run(options, [makeBatch(0, 70, d)]);
  const { residualWeight: _, measureResidual: __, ...settings } = state.settings;
  await use(options, async (trainer) => {
    trainer.restore({ ...state, settings: settings as typeof state.settings });
    expect(trainer.steps).toBe(1);
  });
});

describe('where many latents are active', () => {
  // 1100 tokens and 600 latents: more than one tile of the dense step either way, and last ones that are not full.
  const batches = [0, 1, 2].map((seed) => makeBatch(seed, 1100, d));
  const take = async (options: SaeTrainerOptions, share: number) => {
    const trainer = await SaeTrainer.create(options, false, share);
    const steps = [];
    for (const batch of batches) steps.push(await trainer.step(batch));
    const weights = trainer.weights();
    await trainer.close();
    return { steps, weights };
  };
  it.each(['relu', 'jumprelu', 'relu with everything'])(
    '%s: whole matrices give the same to rounding, and the same bits on any threads',
    async (kind) => {
      const options = { ...base, latents: 598, ...architectures[kind]! };
      const [sparse, dense] = [await take(options, 1), await take(options, 0)];
      for (const [i, step] of dense.steps.entries()) {
        const there = sparse.steps[i]!;
        expect(step.l0 / there.l0).toBeCloseTo(1, 5);
        for (const key of ['loss', 'mse', 'sparsity', 'embedding', 'residual'] as const)
          expect(Math.abs(step[key] - there[key]), key).toBeLessThanOrEqual(1e-5 * there[key]);
        expect(Math.abs(step.embeddingPairs - there.embeddingPairs)).toBeLessThan(10);
      }
      // Other sums in another order: not to the bit.
      expect(dense.weights).not.toEqual(sparse.weights);
      for (const threads of [1, 3]) expect(await take({ ...options, threads }, 0)).toEqual(dense);
    },
  );

  it('the choice depends on the batch alone', async () => {
    const options = { ...base, latents: 598, ...architectures.relu! };
    const initial = makeWeights(3, d, 598);
    const [sparse, dense] = [-100, 0].map((bias) => ({
      ...options,
      initial: { ...initial, b_enc: initial.b_enc.map((value, j) => value + (j % 8 === 0 ? 0 : bias)) },
    }));
    for (const [options, share] of [
      [sparse!, 1],
      [dense!, 0],
    ] as const) {
      const chosen = await run(options, batches.slice(0, 1));
      const forced = await SaeTrainer.create(options, false, share);
      expect([await forced.step(batches[0]!)]).toEqual(chosen.steps);
      expect(forced.weights()).toEqual(chosen.weights);
      await forced.close();
    }
  });
});

describe('the active pairs', () => {
  // 1100 tokens × 600 latents: several tiles both ways, and more candidates than a selection holds at once.
  const latents = 600;
  const tokens = 1100;
  const initial: SaeWeights = makeWeights(3, d, latents);
  initial.b_enc = initial.b_enc.map((value) => value + 1);
  const batch = makeBatch(5, tokens, d);
  it.each([
    { architecture: 'relu' },
    { architecture: 'relu', applyBDecToInput: false },
    { architecture: 'topk', k: 5 },
    { architecture: 'topk', k: 1 },
    { architecture: 'topk', k: latents },
    { architecture: 'batchtopk', k: 3.25 },
    { architecture: 'batchtopk', k: 100 },
    { architecture: 'jumprelu' },
    { architecture: 'matryoshka', k: 4 },
  ] as const)('are those of the definition: $architecture $k', async (kind) => {
    const threshold = new Float32Array(latents).map((_, j) => 0.2 + 0.001 * j);
    const options: SaeTrainerOptions = { width: d, latents, learningRate: 1e-3, ...kind };
    const weights = { ...initial, threshold };
    const seen = await use({ ...options, threads: 2, initial: weights }, (trainer) => trainer.step(batch));
    const expected = forward(options, weights, batch);
    expect(seen.l0).toBeCloseTo(expected.l0, 8);
    expect(Math.abs(seen.mse / expected.mse - 1)).toBeLessThan(1e-5);
  });

  it('prefer the lower token and latent where values are equal', async () => {
    const twice = new Float32Array([...batch.subarray(0, d), ...batch.subarray(0, d)]);
    const options: SaeTrainerOptions = {
      architecture: 'batchtopk',
      k: 1.5,
      width: d,
      latents,
      learningRate: 1,
    };
    // Three pairs of two equal tokens: of the second-largest activation only that of the first token is kept.
    const seen = await use({ ...options, initial, threads: 2 }, (trainer) => trainer.step(twice));
    expect(seen.l0).toBe(1.5);
    const expected = forward(options, initial, twice);
    expect(Math.abs(seen.mse / expected.mse - 1)).toBeLessThan(1e-5);
  });

  it('are none where k times the batch is less than one', async () => {
    const options: SaeTrainerOptions = {
      architecture: 'batchtopk',
      k: 0.3,
      width: d,
      latents,
      learningRate: 1e-3,
    };
    await use({ ...options, initial, threads: 2 }, async (trainer) => {
      expect((await trainer.step(batch.subarray(0, 3 * d))).l0).toBe(0);
      expect((await trainer.step(batch.subarray(0, 20 * d))).l0).toBe(0.3);
    });
  });

  it('may be none at all', async () => {
    const silent = { ...initial, b_enc: initial.b_enc.map(() => -100) };
    for (const architecture of Object.values(architectures)) {
      const seen = await run({ ...base, latents, initial: silent, ...architecture, resample: undefined }, [
        batch,
        batch.subarray(0, 3 * d),
      ]);
      expect(seen.steps[1]).toMatchObject({ l0: 0, embedding: 0, meanEmbeddingDistance: null });
    }
  });
});

describe('training', () => {
  it('explains what it is given, with sparse codes', async () => {
    for (const architecture of [architectures.topk!, architectures.batchtopk!]) {
      await use(
        { width: d, latents: 96, learningRate: 3e-3, seed: 1, threads: 2, ...architecture },
        async (trainer) => {
          let last = 0;
          for (let step = 0; step < 300; step++)
            last = (await trainer.step(makeBatch(step, 256, d))).explainedVariance!;
          expect(last).toBeGreaterThan(0.8);
        },
      );
    }
  });

  it('revives dead latents by resampling', async () => {
    const initial = makeWeights(3, d, 64);
    initial.b_enc.fill(-100, 0, 32);
    const options: SaeTrainerOptions = {
      ...base,
      architecture: 'relu',
      latents: 64,
      initial,
      l1: 0.01,
      deadAfter: 200,
      resample: { every: 3 },
    };
    const { steps } = await run(
      options,
      [0, 1, 2, 3].map((seed) => makeBatch(seed, 100, d)),
    );
    expect(steps[2]!.dead).toBeGreaterThanOrEqual(32);
    expect(steps[3]!.dead).toBeLessThan(32);
  });

  it('folds an input scale into the weights that it hands out', async () => {
    const scaled = await use(
      { ...base, architecture: 'relu', latents: 64, initial: makeWeights(3, d, 64), inputScale: 2 },
      async (trainer) => {
        const seen = await trainer.step(makeBatch(1, 50, d));
        return { seen, weights: trainer.weights() };
      },
    );
    const fine = await use(
      { ...base, architecture: 'relu', latents: 64, initial: scaled.weights, learningRate: 1e-9 },
      (trainer) => trainer.step(makeBatch(2, 50, d)),
    );
    const restored = await use(
      { ...base, architecture: 'relu', latents: 64, initial: makeWeights(3, d, 64), inputScale: 2 },
      async (trainer) => {
        await trainer.step(makeBatch(1, 50, d));
        return trainer.step(makeBatch(2, 50, d));
      },
    );
    expect(restored.mse / fine.mse).toBeCloseTo(4, 4);
    expect(restored.explainedVariance).toBeCloseTo(fine.explainedVariance!, 4);
  });
});

it('saves in SAELens’s format', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'polyseme-sae-'));
  try {
    for (const [architecture, kind] of [
      ['relu', 'standard'],
      ['topk', 'topk'],
      ['matryoshka', 'jumprelu'],
    ] as const) {
      const weights = await use({ ...base, architecture, k: 5, latents: 40 }, async (trainer) => {
        await trainer.step(makeBatch(0, 60, d));
        await trainer.save(join(dir, architecture), { hook_name: 'blocks.2.hook_resid_post' });
        return trainer.weights();
      });
      const config = JSON.parse(readFileSync(join(dir, architecture, 'cfg.json'), 'utf8'));
      expect(config).toMatchObject({ architecture: kind, d_in: d, d_sae: 40, apply_b_dec_to_input: true });
      expect(config.metadata.hook_name).toBe('blocks.2.hook_resid_post');
      const file = await readSafetensorsHeader(join(dir, architecture, 'sae_weights.safetensors'));
      expect(file.tensors.get('W_enc')!.shape).toEqual([d, 40]);
      expect([...file.tensors.keys()].sort()).toEqual(Object.keys(weights).sort());
      for (const [name, values] of Object.entries(weights))
        expect(await readTensor(file, name)).toEqual(values);
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});

it('neither ends a script early nor keeps it alive', () => {
  const script = `
    import { createSaeTrainer } from '${compiled('src/sae/trainer/trainer.ts')}';
    const options = { architecture: 'topk', k: 2, width: 4, latents: 8, learningRate: 1e-3, threads: 2 };
    const closed = await createSaeTrainer(options);
    await closed.step(new Float32Array(8).fill(1));
    await closed.close();
    const open = await createSaeTrainer(options);
    console.log((await open.step(new Float32Array(8).fill(1))).step);
  `;
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  expect(out).toBe('1\n');
});

it('finds the mean and the geometric median of the first batch', () => {
  // Of three points on a line the geometric median is the middle one, however far the last is.
  const points = Float32Array.from([0, 0, 1, 2, 100, 200]);
  expect([...centre(points, 2, 'mean')].map((value) => Math.round(value * 1e6) / 1e6)).toEqual([
    33.666667, 67.333333,
  ]);
  const median = centre(points, 2, 'geometric-median');
  expect(median[0]).toBeCloseTo(1, 2);
  expect(median[1]).toBeCloseTo(2, 2);
  expect([...centre(new Float32Array(6).fill(3), 2, 'geometric-median')]).toEqual([3, 3]);
});
