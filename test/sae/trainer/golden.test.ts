import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { SaeTrainer } from '../../../src/sae/trainer/trainer.ts';
import type { SaeTrainerOptions, SaeWeights } from '../../../src/sae/trainer/trainer-options.ts';

// Made by test/fixtures/sae-train/make.py: PyTorch autograd and torch.optim.Adam in float64.
interface Losses {
  loss: number;
  mse: number;
  sparsity: number;
  embedding: number;
  pairs: number;
  l0: number;
  explainedVariance: number;
  nested: number[];
  auxiliary: number;
  /** L_R, where it has a weight. */
  residual?: number;
  gradientNorm?: number;
}
interface Golden {
  width: number;
  latents: number;
  tokens: number;
  steps: number;
  cases: Record<string, { options: SaeTrainerOptions; losses: Losses[] }>;
  tensors: Map<string, Float32Array>;
}

const golden = load('golden');
/** The same with L_R. */
const residual = load('residual');
/** Relative to the reference, and to the largest value of its tensor. */
const TOLERANCE = 1e-5;

/** Of all pairs active, above which a step works on whole matrices: never, or always. */
const kinds = [golden, residual].flatMap((file) =>
  Object.entries(file.cases).flatMap(([name, { options, losses }]) => {
    const terms = file === residual ? 'with L_R' : 'without L_R';
    const sparse = { name, terms, file, options, losses, share: 1, how: 'on active pairs' };
    const always = ['relu', 'jumprelu'].includes(options.architecture);
    return always ? [sparse, { ...sparse, share: 0, how: 'on whole matrices' }] : [sparse];
  }),
);

describe.each(kinds)('$name, $terms, $how', ({ name, file, options, losses, share }) => {
  it('has the losses, gradients and parameters of PyTorch in float64 over 20 steps', async () => {
    const { width, latents } = file;
    const initial = weightsOf(file, 'initial');
    const trainer = await SaeTrainer.create({ ...options, width, latents, initial, threads: 2 }, true, share);
    try {
      for (const [step, reference] of losses.entries()) {
        const seen = await trainer.step(batch(file, step));
        for (const key of ['loss', 'mse', 'sparsity', 'auxiliary', 'l0'] as const) {
          expect.soft(seen[key], `${key} of step ${step}`).toSatisfy(near(reference[key]));
        }
        expect.soft(seen.explainedVariance! - reference.explainedVariance).toBeCloseTo(0, 5);
        expect.soft(seen.nested.length).toBe(reference.nested.length);
        for (const [i, value] of reference.nested.entries())
          expect.soft(seen.nested[i]).toSatisfy(near(value));
        if (reference.gradientNorm) expect.soft(seen.gradientNorm).toSatisfy(near(reference.gradientNorm));
        if (options.embeddingWeight) {
          expect.soft(seen.embedding, `L_N of step ${step}`).toSatisfy(near(reference.embedding));
          expect.soft(seen.embeddingPairs).toBe(reference.pairs);
          expect.soft(seen.meanEmbeddingDistance).toSatisfy(near(reference.embedding / reference.l0));
        } else {
          expect.soft(seen.embedding).toBe(0);
          expect.soft(seen.meanEmbeddingDistance).toBe(null);
        }
        if (reference.residual !== undefined) {
          expect.soft(seen.residual, `L_R of step ${step}`).toSatisfy(near(reference.residual));
          expect.soft(seen.meanResidualDistance).toSatisfy(near(reference.residual / reference.l0));
        } else {
          expect.soft(seen.residual).toBe(0);
          expect.soft(seen.meanResidualDistance).toBe(null);
        }
        if (step === 0)
          compare(trainer.gradients(), weightsOf(file, `${name}.first`), 'gradient of the first step');
      }
      compare(trainer.gradients(), weightsOf(file, `${name}.last`), 'gradient of the last step');
      compare(trainer.weights(), weightsOf(file, `${name}.final`), 'weights at the end');
    } finally {
      await trainer.close();
    }
  });
});

it('keeps gradients or uses them at once: to the bit the same', async () => {
  for (const [file, name, share] of [
    [golden, 'relu-embedding', 1],
    [golden, 'relu-embedding', 0],
    [golden, 'jumprelu-embedding', 1],
    [residual, 'jumprelu-embedding', 0],
    [residual, 'matryoshka-everything', 1],
  ] as const) {
    const { width, latents, cases } = file;
    const initial = weightsOf(file, 'initial');
    const options = { ...cases[name]!.options, width, latents, initial, threads: 2 };
    const runs = await Promise.all(
      [true, false].map(async (keep) => {
        const trainer = await SaeTrainer.create(options, keep, share);
        for (let step = 0; step < 5; step++) await trainer.step(batch(file, step));
        const weights = trainer.weights();
        await trainer.close();
        return weights;
      }),
    );
    expect(runs[0]).toEqual(runs[1]);
  }
});

function near(reference: number): (value: unknown) => boolean {
  return (value) =>
    Math.abs((value as number) - reference) <= TOLERANCE * Math.max(Math.abs(reference), 1e-3);
}

function compare(values: SaeWeights, reference: SaeWeights, what: string): void {
  for (const key of Object.keys(reference) as (keyof SaeWeights)[]) {
    const [a, b] = [values[key]!, reference[key]!];
    expect(a.length, `${what}: ${key}`).toBe(b.length);
    const scale = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const worst = a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
    if (process.env.SHOW) console.log(what, key, worst / scale);
    expect.soft(worst, `${what}: ${key}, of ${scale}`).toBeLessThanOrEqual(TOLERANCE * scale);
  }
}

function batch({ tokens, width, tensors }: Golden, step: number): Float32Array {
  const size = tokens * width;
  return tensors.get('x')!.subarray(step * size, (step + 1) * size);
}

function weightsOf({ tensors }: Golden, prefix: string): SaeWeights {
  const of = (name: string) => tensors.get(`${prefix}.${name}`)!;
  const weights: SaeWeights = {
    W_enc: of('W_enc'),
    b_enc: of('b_enc'),
    W_dec: of('W_dec'),
    b_dec: of('b_dec'),
  };
  if (tensors.has(`${prefix}.threshold`)) weights.threshold = of('threshold');
  return weights;
}

function load(name: string): Golden {
  const path = (end: string) =>
    fileURLToPath(new URL(`../../fixtures/sae-train/${name}.${end}`, import.meta.url));
  const written = JSON.parse(readFileSync(path('json'), 'utf8'));
  return { ...written, tensors: readTensors(readFileSync(path('safetensors'))) };
}

/** All tensors of a safetensors file of F32. */
function readTensors(file: Buffer): Map<string, Float32Array> {
  const start = 8 + Number(file.readBigUInt64LE());
  const header = JSON.parse(file.toString('utf8', 8, start)) as Record<
    string,
    { data_offsets: [number, number] }
  >;
  return new Map(
    Object.entries(header).map(
      ([
        name,
        {
          data_offsets: [from, to],
        },
      ]) => [name, new Float32Array(Uint8Array.from(file.subarray(start + from, start + to)).buffer)],
    ),
  );
}
