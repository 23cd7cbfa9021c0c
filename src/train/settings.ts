import type { SaeTrainerOptions } from '../sae/trainer/trainer-options.ts';
import type { ResolvedSaeTrainOptions, SweepMember } from './train-options.ts';

/** Thresholds, and windows to move them, of the size of the pre-activations of scaled inputs: they settle in some 100 steps. */
const JUMPRELU = { decoderNorm: 1, initialThreshold: 1, bandwidth: 2 };

/** The trainer's options: the ones asked for, and a schedule for the length of the training. */
export function trainerOptions(
  options: ResolvedSaeTrainOptions,
  { l1, k, embeddingWeight, residualWeight }: SweepMember,
  width: number,
  latents: number,
): SaeTrainerOptions {
  const { architecture, batch, tokens, seed, clip, threads } = options;
  const totalSteps = Math.ceil(tokens / batch);
  const share = (part: number, most: number) => Math.min(most, Math.floor(totalSteps * part));
  const topK = k !== undefined;
  return {
    architecture,
    width,
    latents,
    learningRate: options.learningRate ?? 2e-3 * Math.min(1, Math.sqrt(2048 / latents)),
    l1,
    ...(topK ? { k } : {}),
    ...(architecture === 'jumprelu' ? JUMPRELU : {}),
    embeddingWeight,
    measureEmbedding: true,
    residualWeight,
    // Of a sweep over it, every SAE shows L_R; others need not pay for it.
    measureResidual: options.residualWeight.some((weight) => weight > 0),
    decoderBias: options.decoderBias,
    inputScale: options.scale ? 'sqrt-d' : 1,
    learningRateWarmup: share(0.05, 1000),
    learningRateDecay: share(0.2, Number.POSITIVE_INFINITY),
    totalSteps,
    sparsityWarmup: share(0.1, 5000),
    embeddingWarmup: share(0.1, 5000),
    ...(clip > 0 ? { clipNorm: clip } : {}),
    deadAfter: options.deadAfter ?? Math.max(batch, Math.min(1e7, Math.floor(tokens / 10))),
    ...(topK && options.aux ? { auxK: { k: Math.min(latents, Math.max(1, Math.floor(width / 2))) } } : {}),
    ...(options.resample > 0 ? { resample: { every: options.resample } } : {}),
    seed,
    threads,
  };
}
