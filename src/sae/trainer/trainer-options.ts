import { availableParallelism } from 'node:os';
import { PolysemeError } from '../../errors.ts';

export type SaeTrainerArchitecture = 'relu' | 'topk' | 'batchtopk' | 'jumprelu' | 'matryoshka';

/** Weights of an SAE, row-major as SAELens has them. */
export interface SaeWeights {
  /** width × latents. */
  W_enc: Float32Array;
  b_enc: Float32Array;
  /** latents × width. */
  W_dec: Float32Array;
  b_dec: Float32Array;
  /** A latent is active above it: jumprelu, and batchtopk and matryoshka at inference (one value for all). */
  threshold?: Float32Array;
}

/**
 * Only the first four must be given. Whatever is not given is off: the bare trainer is Adam on the plain loss.
 * A warm-up of n steps uses 1/n, 2/n, … of the value in its steps.
 */
export interface SaeTrainerOptions {
  architecture: SaeTrainerArchitecture;
  /** Length of an input vector. */
  width: number;
  /** Number of latents. */
  latents: number;
  /** Adam's step size: 1e-4 to 1e-3 is usual. */
  learningRate: number;
  /**
   * Weight λ of the sparsity: mean over the batch of Σ_j z_j‖W_dec,j‖ (for jumprelu: of the number of active
   * latents). Larger: fewer active latents. Default 0.
   */
  l1?: number;
  /** Active latents per token (topk), or on average over a batch (batchtopk, matryoshka; need not be whole). */
  k?: number;
  /** Weight γ of L_N, the distance of a latent's neuron embeddings h ⊙ w from that of its average input. Default 0. */
  embeddingWeight?: number;
  /**
   * Weight of L_R, residual alignment: Σ over active latents of 1 − cos(x − x̂ + z_j W_dec,j, W_dec,j), in units of the
   * batch's mean ‖x‖². 0.016 helped, 0.047 on data of known structure only, 0.14 broke SAEs of a model. Default 0.
   */
  residualWeight?: number;
  /** Compute and report L_R also where its weight is 0. Default residualWeight > 0. */
  measureResidual?: boolean;
  /** Compute and report L_N also where γ is 0: one more row of memory a latent and some time. Default γ > 0. */
  measureEmbedding?: boolean;
  /**
   * A latent's average input: `'running'` over everything that ever activated it (the paper), or the share
   * (0 to 1) of the old average that stays at each step in which it is active. Default `'running'`.
   */
  embeddingMean?: 'running' | number;
  /** The encoder sees x − b_dec (SAELens: apply_b_dec_to_input) instead of x. Default true. */
  applyBDecToInput?: boolean;
  /** Keep decoder rows at norm 1, and take the part of their gradient along themselves away. Default false. */
  unitNormDecoder?: boolean;
  /** Starting weights. Without them: see `decoderNorm`, `encoderInit`, `decoderBias`. */
  initial?: SaeWeights;
  /** Norm of the random decoder rows at the start. Default 1 for the top-k kinds, 0.1 for relu and jumprelu. */
  decoderNorm?: number;
  /** `'transposed'` starts the encoder as the decoder's transpose, `'random'` as its own draw. Default transposed. */
  encoderInit?: 'transposed' | 'random';
  /**
   * Where b_dec starts: `'zeros'`, or the mean or geometric median of the first batch (for data far from 0).
   * Default what `initial` says, else zeros.
   */
  decoderBias?: 'zeros' | 'mean' | 'geometric-median';
  /** Multiply inputs by this number, or (`'sqrt-d'`) so that their mean norm over the first batch is √width. */
  inputScale?: number | 'sqrt-d';
  /** jumprelu: width of the straight-through window, in units of the pre-activation. Default 0.05 (SAELens). */
  bandwidth?: number;
  /** jumprelu: threshold of every latent at the start. Default 0.01 (SAELens). */
  initialThreshold?: number;
  /** matryoshka: sizes of the nested groups; they add up to `latents`. Default 1/32, 1/16, 1/8, 1/4 and the rest. */
  groupSizes?: readonly number[];
  /** Steps in which the learning rate rises to its value. Default 0. */
  learningRateWarmup?: number;
  /** Steps at the end of `totalSteps` in which the learning rate falls to 0 linearly. Default 0. */
  learningRateDecay?: number;
  /** Length of the whole training; needed for `learningRateDecay`. */
  totalSteps?: number;
  /** Steps in which λ rises to its value. Default 0. */
  sparsityWarmup?: number;
  /** Steps in which γ rises to its value. Default 0. */
  embeddingWarmup?: number;
  /** Scale gradients down to this global norm where it is larger. Default off. */
  clipNorm?: number;
  /** Tokens without activation after which a latent counts as dead. Default 1,000,000. */
  deadAfter?: number;
  /**
   * Auxiliary loss of the top-k kinds (Gao et al. 2024): the `k` most active dead latents (default width/2)
   * reconstruct the error that the others leave; mean ‖e − ê‖² enters with `weight` (default 1/32).
   */
  auxK?: { weight?: number; k?: number };
  /**
   * Every `every` steps give dead latents new weights: towards inputs drawn by squared error, with 0.2 times
   * the mean encoder norm of the others, moments and averages at 0 (Bricken et al. 2023).
   */
  resample?: { every: number };
  /** Of initial weights and of resampling. Default 0. */
  seed?: number;
  /** Where the step runs: on the processor's threads, or (topk) on a GPU. Default `cpu`. */
  device?: TrainerDevice;
  /** Worker threads; results do not depend on it. Default all cores. */
  threads?: number;
}

/** Where an SAE's training steps run: on the processor, or on a GPU through WebGPU. */
export type TrainerDevice = 'cpu' | 'webgpu';

/** Options with every default filled in. */
export interface SaeTrainerSettings {
  architecture: SaeTrainerArchitecture;
  width: number;
  latents: number;
  learningRate: number;
  l1: number;
  k: number;
  embeddingWeight: number;
  measureEmbedding: boolean;
  residualWeight: number;
  measureResidual: boolean;
  embeddingMean: 'running' | number;
  applyBDecToInput: boolean;
  unitNormDecoder: boolean;
  decoderNorm: number;
  encoderInit: 'transposed' | 'random';
  decoderBias: 'zeros' | 'mean' | 'geometric-median' | 'initial';
  inputScale: number | 'sqrt-d';
  bandwidth: number;
  initialThreshold: number;
  groupSizes: readonly number[];
  learningRateWarmup: number;
  learningRateDecay: number;
  totalSteps: number;
  sparsityWarmup: number;
  embeddingWarmup: number;
  clipNorm: number;
  deadAfter: number;
  auxWeight: number;
  auxK: number;
  resampleEvery: number;
  seed: number;
  device: TrainerDevice;
}

const ARCHITECTURES: readonly SaeTrainerArchitecture[] = [
  'relu',
  'topk',
  'batchtopk',
  'jumprelu',
  'matryoshka',
];
const MAX_DIM = 65_536;
const MAX_LATENTS = 4_194_304;

export function isTopK(architecture: SaeTrainerArchitecture): boolean {
  return architecture === 'topk' || isBatchTopK(architecture);
}

export function isBatchTopK(architecture: SaeTrainerArchitecture): boolean {
  return architecture === 'batchtopk' || architecture === 'matryoshka';
}

/** Checks options and fills defaults in. @throws PolysemeError naming the option and its value. */
export function resolveOptions(options: SaeTrainerOptions): SaeTrainerSettings {
  const { architecture, width, latents } = options;
  if (!ARCHITECTURES.includes(architecture)) {
    fail('architecture', architecture, `one of ${ARCHITECTURES.join(', ')}`);
  }
  whole('width', width, 1, MAX_DIM);
  whole('latents', latents, 1, MAX_LATENTS);
  positive('learningRate', options.learningRate);
  const topK = isTopK(architecture);
  const k = topK ? options.k : 0;
  if (k === undefined)
    throw new PolysemeError(`SAE training: ${architecture} needs k, the number of active latents`);
  if (topK) {
    if (!(k > 0) || !(k <= latents)) fail('k', k, `above 0 and at most the number of latents, ${latents}`);
    if (architecture === 'topk') whole('k', k, 1, latents);
  }
  const embeddingWeight = atLeast0('embeddingWeight', options.embeddingWeight);
  const residualWeight = atLeast0('residualWeight', options.residualWeight);
  const mean = options.embeddingMean ?? 'running';
  if (mean !== 'running' && !(mean >= 0 && mean < 1)) {
    fail('embeddingMean', mean, "'running' or a share from 0 to below 1");
  }
  const { decoderBias, inputScale = 1, groupSizes = defaultGroups(latents) } = options;
  if (inputScale !== 'sqrt-d') positive('inputScale', inputScale);
  const total = groupSizes.reduce((sum, size) => sum + size, 0);
  if (architecture === 'matryoshka') {
    for (const size of groupSizes) whole('groupSizes', size, 1, latents);
    if (total !== latents) {
      fail(
        'groupSizes',
        `[${groupSizes.join(', ')}]`,
        `sizes that add up to ${latents} latents, not to ${total}`,
      );
    }
  }
  const learningRateDecay = steps('learningRateDecay', options.learningRateDecay);
  if (learningRateDecay > 0 && options.totalSteps === undefined) {
    throw new PolysemeError(`SAE training: learningRateDecay ${learningRateDecay} needs totalSteps`);
  }
  if (options.auxK !== undefined && !topK) {
    throw new PolysemeError(
      `SAE training: auxK belongs to the top-k kinds, not to ${architecture}: leave it out`,
    );
  }
  if (options.clipNorm !== undefined) positive('clipNorm', options.clipNorm);
  return {
    architecture,
    width,
    latents,
    learningRate: options.learningRate,
    l1: atLeast0('l1', options.l1),
    k,
    embeddingWeight,
    measureEmbedding: embeddingWeight > 0 || (options.measureEmbedding ?? false),
    residualWeight,
    measureResidual: residualWeight > 0 || (options.measureResidual ?? false),
    embeddingMean: mean,
    applyBDecToInput: options.applyBDecToInput ?? true,
    unitNormDecoder: options.unitNormDecoder ?? false,
    decoderNorm: positive('decoderNorm', options.decoderNorm ?? (topK || options.unitNormDecoder ? 1 : 0.1)),
    encoderInit: oneOf('encoderInit', options.encoderInit ?? 'transposed', ['transposed', 'random']),
    decoderBias: oneOf('decoderBias', decoderBias ?? (options.initial ? 'initial' : 'zeros'), [
      'zeros',
      'mean',
      'geometric-median',
      'initial',
    ]),
    inputScale,
    bandwidth: positive('bandwidth', options.bandwidth ?? 0.05),
    initialThreshold: atLeast0('initialThreshold', options.initialThreshold ?? 0.01),
    groupSizes: architecture === 'matryoshka' ? [...groupSizes] : [latents],
    learningRateWarmup: steps('learningRateWarmup', options.learningRateWarmup),
    learningRateDecay,
    totalSteps: steps('totalSteps', options.totalSteps),
    sparsityWarmup: steps('sparsityWarmup', options.sparsityWarmup),
    embeddingWarmup: steps('embeddingWarmup', options.embeddingWarmup),
    clipNorm: options.clipNorm ?? 0,
    deadAfter: whole('deadAfter', options.deadAfter ?? 1_000_000, 1, 4_000_000_000),
    auxWeight: options.auxK === undefined ? 0 : positive('auxK.weight', options.auxK.weight ?? 1 / 32),
    auxK:
      options.auxK === undefined
        ? 0
        : whole('auxK.k', options.auxK.k ?? Math.max(1, Math.floor(width / 2)), 1, latents),
    resampleEvery:
      options.resample === undefined ? 0 : whole('resample.every', options.resample.every, 1, 1e9),
    seed: whole('seed', options.seed ?? 0, 0, 2 ** 32 - 1),
    device: oneOf('device', options.device ?? 'cpu', ['cpu', 'webgpu']),
  };
}

export function resolveThreads(threads: number | undefined): number {
  return whole('threads', threads ?? availableParallelism(), 1, 256);
}

/** Group sizes of Bussmann et al. 2025: 1/32, 1/16, 1/8, 1/4, and the rest. */
function defaultGroups(latents: number): number[] {
  const sizes = [32, 16, 8, 4].map((part) => Math.floor(latents / part)).filter((size) => size > 0);
  return [...sizes, latents - sizes.reduce((sum, size) => sum + size, 0)];
}

function fail(name: string, value: unknown, expected: string): never {
  throw new PolysemeError(`SAE training: ${name} is ${String(value)}: it must be ${expected}`);
}

function whole(name: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    fail(name, value, `a whole number from ${min} to ${max}`);
  }
  return value;
}

function positive(name: string, value: number): number {
  if (!(value > 0) || !Number.isFinite(value)) fail(name, value, 'a number above 0');
  return value;
}

function atLeast0(name: string, value = 0): number {
  if (!(value >= 0) || !Number.isFinite(value)) fail(name, value, 'a number of at least 0');
  return value;
}

function steps(name: string, value = 0): number {
  return whole(name, value, 0, 1e12);
}

function oneOf<T extends string>(name: string, value: T, allowed: readonly T[]): T {
  if (!allowed.includes(value)) fail(name, value, `one of ${allowed.join(', ')}`);
  return value;
}
