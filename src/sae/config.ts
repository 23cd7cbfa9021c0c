/**
 * How latents come from pre-activations p = h·W_enc + b_enc, where h is the input as the encoder sees it:
 * - `standard`: relu(p)
 * - `jumprelu`: relu(p) where p > threshold, else 0. BatchTopK and Matryoshka SAEs are this once trained.
 * - `topk`: relu of the k largest p, else 0. Of equal values at the border the lower indices are kept
 *   (torch leaves that open; ONNX defines it).
 * - `abstopk`: the k largest |p|, with their signs.
 * - `groupmax`: the largest of each of k equal runs of latents, relu; of equal ones the first.
 * - `gated`: relu(exp(r_mag)·q + b_mag) where q + b_gate > 0, with q = h·W_enc.
 */
export const ARCHITECTURES = ['standard', 'gated', 'jumprelu', 'topk', 'abstopk', 'groupmax'] as const;
export type SaeArchitecture = (typeof ARCHITECTURES)[number];

/**
 * What happens to an input before the encoder; x has width d.
 * - `layer_norm`: (x − mean) / (std + 1e-5), std with d − 1 degrees of freedom; undone after the decoder.
 * - `constant_norm_rescale`: x · √d / ‖x‖; undone after the decoder. A zero input stays zero.
 * - `expected_average_only_in`, `covariance_whitening`: nothing, as in SAELens: whoever trained the SAE has
 *   folded the factor into the weights. The names are kept for the record.
 */
export const NORMALIZATIONS = [
  'none',
  'layer_norm',
  'constant_norm_rescale',
  'expected_average_only_in',
  'covariance_whitening',
] as const;
export type SaeNormalization = (typeof NORMALIZATIONS)[number];

export const SAE_FORMATS = ['saelens', 'dictionary_learning', 'sparsify', 'gemma_scope', 'openai'] as const;
export type SaeFormat = (typeof SAE_FORMATS)[number];

/** What an SAE is and where it belongs, the same for every file format. `null` is "the file does not say". */
export interface SaeConfig {
  readonly architecture: SaeArchitecture;
  /** The training scheme, where it differs: `batchtopk`, `matryoshka_batchtopk`. */
  readonly trainedAs: string | null;
  /** Width of the input; of a `hook_z` SAE heads × d_head, the input flattened. */
  readonly dIn: number;
  /** Number of latents. */
  readonly dSae: number;
  /** Width of the output: dIn unless a transcoder. */
  readonly dOut: number;
  /** Predicts another site's activation from its input, instead of the input itself. */
  readonly transcoder: boolean;
  /** h = x − b_dec rather than x. */
  readonly applyBDecToInput: boolean;
  readonly normalizeActivations: SaeNormalization;
  readonly reshapeActivations: 'none' | 'hook_z';
  /** Active latents per input: exact for topk, abstopk and groupmax, else what it was trained towards. */
  readonly k: number | null;
  /** Pre-activations × ‖W_dec row‖ before the top k are chosen, and latents ÷ it before decoding. */
  readonly rescaleActsByDecoderNorm: boolean;
  /** The site (TransformerLens's name) that it reads. */
  readonly hookName: string | null;
  /** The site that a transcoder predicts. */
  readonly hookNameOut: string | null;
  /** The head whose slice of the site it reads, of an SAE of one head. */
  readonly hookHeadIndex: number | null;
  readonly modelName: string | null;
  readonly contextSize: number | null;
  readonly prependBos: boolean | null;
  /** From `metadata.model_from_pretrained_kwargs.center_writing_weights`. */
  readonly centerWritingWeights: boolean | null;
  /** Sizes of a Matryoshka SAE's nested groups, where its format keeps them. */
  readonly groupSizes: readonly number[] | null;
  /** Element type in the file (`float32`, `bfloat16` …); in memory everything is 32-bit float. */
  readonly dtype: string;
  /** The format that it was read from. */
  readonly format: SaeFormat | null;
  /** The format's own further keys, as they were. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/**
 * A config from what is known: the rest is what most SAEs are.
 * @example
 * const config = saeConfig({ architecture: 'topk', dIn: 768, dSae: 24576, k: 32 });
 * console.log(config.architecture, config.normalizeActivations); // topk none
 */
export function saeConfig(
  known: Pick<SaeConfig, 'architecture' | 'dIn' | 'dSae'> & Partial<SaeConfig>,
): SaeConfig {
  return {
    trainedAs: null,
    dOut: known.dIn,
    transcoder: false,
    applyBDecToInput: true,
    normalizeActivations: 'none',
    reshapeActivations: 'none',
    k: null,
    rescaleActsByDecoderNorm: false,
    hookName: null,
    hookNameOut: null,
    hookHeadIndex: null,
    modelName: null,
    contextSize: null,
    prependBos: null,
    centerWritingWeights: null,
    groupSizes: null,
    dtype: 'float32',
    format: null,
    metadata: {},
    ...known,
  };
}

/** Whether inputs are normalised one by one, at run time. */
export function normalizesPerInput({ normalizeActivations }: SaeConfig): boolean {
  return normalizeActivations === 'layer_norm' || normalizeActivations === 'constant_norm_rescale';
}
