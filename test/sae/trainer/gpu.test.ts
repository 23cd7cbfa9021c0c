// SAE training on WebGPU: on SwiftShader, which is software, where it is there, beside the trainer that golden.test.ts holds
// against PyTorch in float64.
import { beforeAll, describe, expect, it } from 'vitest';
import { PARAMS, packParams } from '../../../src/sae/trainer/gpu/params.ts';
import { refuseOthers } from '../../../src/sae/trainer/gpu/refuse-others.ts';
import type { SaeStep } from '../../../src/sae/trainer/step.ts';
import { resolveOptions, type SaeTrainerOptions } from '../../../src/sae/trainer/trainer-options.ts';
import { cliOf, compiled } from '../../helpers/cli.ts';
import { softwareGpu } from '../../helpers/software-gpu.ts';

interface Case extends SaeTrainerOptions {
  tokens: number;
  /** Steps. */
  taken: number;
  start?: { twins?: boolean; lower?: number };
  /** Whether a step is taken twice after them, from the same state; default: it is. */
  resume?: boolean;
}

interface Compared {
  /** Figures of each step on the processor and on the GPU. */
  steps: [SaeStep, SaeStep][];
  /** Largest |difference| / max(1, |value|) of each array of the states after the steps. */
  apart: Record<string, number>;
  /** Whether the state was refused before it was brought from the GPU. */
  isRefused: boolean;
  /** The loss of one more step, and of the same after the state was put back. */
  resumed: number[];
}

const topk = { architecture: 'topk', learningRate: 1e-3 } as const;
const cases: Record<string, Case> = {
  'L_N and L_R, more latents than a group has threads': {
    ...topk,
    width: 21,
    latents: 330,
    k: 5,
    tokens: 70,
    taken: 20,
    embeddingWeight: 0.3,
    residualWeight: 0.05,
    embeddingWarmup: 4,
  },
  'dead latents, x as it is, means that forget': {
    ...topk,
    width: 24,
    latents: 150,
    k: 3,
    tokens: 70,
    taken: 5,
    deadAfter: 100,
    auxK: { k: 8 },
    applyBDecToInput: false,
    measureEmbedding: true,
    measureResidual: true,
    embeddingMean: 0.9,
  },
  'every score twice': {
    ...topk,
    width: 16,
    latents: 80,
    k: 6,
    tokens: 64,
    taken: 2,
    start: { twins: true },
  },
  'fewer active latents than k': {
    ...topk,
    width: 16,
    latents: 40,
    k: 30,
    tokens: 64,
    taken: 2,
    start: { lower: 1 },
  },
  'many latents, in several parts of the tokens': {
    ...topk,
    width: 8,
    // So many that 129 tokens are two parts. A step of them takes ten seconds in software.
    latents: 33_000,
    k: 4,
    tokens: 129,
    taken: 1,
    resume: false,
  },
};

describe.skipIf(softwareGpu === null)(
  'steps on WebGPU',
  () => {
    let found: Record<string, Compared> = {};
    let said = '';

    beforeAll(async () => {
      const { cli } = cliOf([compiled('test/helpers/train-on-webgpu.mjs')]);
      const { stdout, stderr } = await cli([JSON.stringify(cases)], { env: softwareGpu! });
      said = stderr;
      found = JSON.parse(stdout || '{}');
    }, 300_000);

    it('say nothing else', () => {
      expect(said).toBe('');
    });

    it.each(Object.keys(cases))('%s: loss and weights as on the processor', (name) => {
      const { steps, apart, isRefused, resumed } = found[name]!;
      const { embeddingWeight = 0, residualWeight = 0, auxK, resume = true } = cases[name]!;
      for (const [cpu, gpu] of steps) {
        expect(Math.abs(gpu.loss / cpu.loss - 1), `loss of step ${cpu.step}`).toBeLessThanOrEqual(1e-4);
        for (const term of [
          'mse',
          'sparsity',
          'embedding',
          'residual',
          'auxiliary',
          'explainedVariance',
        ] as const) {
          expect(gpu[term], `${term} of step ${cpu.step}`).toBeCloseTo(cpu[term]!, 3);
        }
        for (const count of ['l0', 'embeddingPairs', 'dead'] as const) expect(gpu[count]).toBe(cpu[count]);
      }
      for (const [array, difference] of Object.entries(apart)) {
        expect(difference, array).toBeLessThanOrEqual(1e-4);
      }
      // What is compared is there.
      const last = steps.at(-1)![1];
      expect(last.embedding > 0).toBe(embeddingWeight > 0 || cases[name]!.measureEmbedding === true);
      expect(last.residual > 0).toBe(residualWeight > 0 || cases[name]!.measureResidual === true);
      expect(last.auxiliary > 0).toBe(auxK !== undefined);
      expect(isRefused).toBe(true);
      expect(resumed).toHaveLength(resume ? 2 : 0);
      expect(resumed[1]).toBe(resumed[0]);
    });

    it('choose the lower latent where two scores are equal', () => {
      const { steps } = found['every score twice']!;
      expect(steps[0]![1].l0).toBe(6);
      expect(found['fewer active latents than k']!.steps[0]![1].l0).toBeLessThan(30);
    });
  },
  120_000,
);

describe('the options of a GPU', () => {
  const refused = (options: Partial<SaeTrainerOptions>) => () =>
    refuseOthers(resolveOptions({ ...topk, width: 8, latents: 16, k: 2, ...options }));

  it('are those of topk', () => {
    expect(refused({})).not.toThrow();
    expect(refused({ embeddingWeight: 1, residualWeight: 1, auxK: {} })).not.toThrow();
    expect(refused({ architecture: 'batchtopk' })).toThrow(
      'not with architecture batchtopk: train on the processor',
    );
    expect(refused({ clipNorm: 1, resample: { every: 5 } })).toThrow('clipNorm 1, resample every 5');
  });

  it('reach the kernels in the order of the structure', () => {
    const names = Object.keys(PARAMS);
    const numbers = Object.fromEntries(names.map((name, i) => [name, i + 1]));
    const view = new DataView(packParams(numbers as Parameters<typeof packParams>[0]));
    names.forEach((name, i) => {
      const isWhole = PARAMS[name as keyof typeof PARAMS] === 'u32';
      expect(isWhole ? view.getUint32(4 * i, true) : view.getFloat32(4 * i, true)).toBe(i + 1);
    });
  });
});
