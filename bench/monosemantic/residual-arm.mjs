// A trainer of one arm: the loss and the schedule of `sae train`.
import { SaeTrainer } from '../../dist/sae/trainer/trainer.js';

export function createArm({ k, embeddingWeight = 0, residualWeight = 0, withoutDirection = false }, plan) {
  const { width, latents, batch, steps, seed } = plan;
  return SaeTrainer.create(
    {
      architecture: 'topk',
      width,
      latents,
      k,
      embeddingWeight,
      residualWeight,
      measureResidual: true,
      learningRate: 2e-3,
      learningRateWarmup: Math.ceil(steps / 20),
      learningRateDecay: Math.floor(steps / 5),
      totalSteps: steps,
      embeddingWarmup: Math.ceil(steps / 10),
      decoderBias: 'geometric-median',
      inputScale: 'sqrt-d',
      deadAfter: 10 * batch,
      auxK: { k: width / 2 },
      seed,
      threads: 1,
    },
    false,
    undefined,
    withoutDirection,
  );
}
