import type { SaeTrainerSettings } from './trainer-options.ts';

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

/** Weights of the loss's terms, and the learning rate, in step `step` (from 0). */
export function rates(settings: SaeTrainerSettings, step: number) {
  const { learningRate, l1, embeddingWeight, learningRateWarmup, learningRateDecay, totalSteps } = settings;
  const left = totalSteps - step;
  const decay = learningRateDecay > 0 && left < learningRateDecay ? Math.max(0, left / learningRateDecay) : 1;
  return {
    learningRate: learningRate * Math.min(rise(step, learningRateWarmup), decay),
    l1: l1 * rise(step, settings.sparsityWarmup),
    embeddingWeight: embeddingWeight * rise(step, settings.embeddingWarmup),
  };
}

function rise(step: number, warmup: number): number {
  return warmup > 0 ? Math.min(1, (step + 1) / warmup) : 1;
}

/** The numbers of an Adam step, as torch.optim.Adam (β 0.9 and 0.999, ε 1e-8) has them in step `step` (from 0). */
export function adamNumbers(learningRate: number, step: number) {
  return {
    stepSize: learningRate / (1 - BETA1 ** (step + 1)),
    invRootV: 1 / Math.sqrt(1 - BETA2 ** (step + 1)),
    epsilon: EPSILON,
    takeM: 1 - BETA1,
    keepV: BETA2,
    takeV: 1 - BETA2,
  };
}
