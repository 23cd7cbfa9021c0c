import { writeWhole } from '../../base/files.ts';
import { PolysemeError } from '../../errors.ts';
import { scaleRows } from '../../tensors/matrix.ts';
import { writeSafetensors } from '../../tensors/safetensors-file.ts';
import { dtypeOf, matrix, nameOf, scalar, type TensorFile, vector } from '../../tensors/tensors.ts';
import {
  NORMALIZATIONS,
  type SaeArchitecture,
  type SaeConfig,
  type SaeNormalization,
  saeConfig,
} from '../config.ts';
import { foldDecoderNorm } from '../fold.ts';
import { Sae, type SaeTensors } from '../sae.ts';
import { fields, type Json } from './fields.ts';
import { readJson, type SaeFolder } from './folder.ts';
import { refuser, refuseSkip, refuseTranscoder } from './refuse.ts';

/** The layout that we write: `sae_lens_version` in its metadata tells SAELens how to read it. */
const WRITTEN_VERSION = '6.54.0';

/** Names of architectures in `cfg.json` → ours. */
const NAMES: Readonly<Record<string, Partial<SaeConfig> & { architecture: SaeArchitecture }>> = {
  standard: { architecture: 'standard' },
  gated: { architecture: 'gated' },
  jumprelu: { architecture: 'jumprelu' },
  topk: { architecture: 'topk' },
  abstopk: { architecture: 'abstopk' },
  // Only training checkpoints are called so; finished ones are jumprelu.
  batchtopk: { architecture: 'jumprelu', trainedAs: 'batchtopk' },
  matryoshka_batchtopk: { architecture: 'jumprelu', trainedAs: 'matryoshka_batchtopk' },
  transcoder: { architecture: 'standard', transcoder: true },
  skip_transcoder: { architecture: 'standard', transcoder: true },
  jumprelu_transcoder: { architecture: 'jumprelu', transcoder: true },
  jumprelu_skip_transcoder: { architecture: 'jumprelu', transcoder: true },
};

/** Keys that SAELens before 6 called otherwise. */
const RENAMED: Readonly<Record<string, string>> = {
  hook_point: 'hook_name',
  hook_point_head_index: 'hook_head_index',
  activation_fn_str: 'activation_fn',
};

/**
 * Reads `cfg.json` and the weights of SAELens, version 6 or before, training checkpoints included.
 * @throws PolysemeError for architectures that are not of the form encode, decode (`temporal`, `matching_pursuit`)
 */
export async function readSaeLens(file: TensorFile, folder: SaeFolder): Promise<Sae> {
  if (!folder.has('cfg.json')) {
    throw new PolysemeError(`${folder.label}: weights of SAELens, but no cfg.json beside them`, 'not-found');
  }
  const json = await readJson(folder, 'cfg.json');
  const label = `${folder.label} (cfg.json)`;
  const config = isVersion6(json) ? readConfig(json, label) : readConfig(upgrade(json, label), label);
  const tensors: SaeTensors = {
    W_enc: await matrix(file, 'W_enc'),
    W_dec: await matrix(file, 'W_dec'),
    b_dec: await vector(file, 'b_dec'),
  };
  const notes: string[] = [];
  if (config.architecture === 'gated') {
    for (const name of ['b_gate', 'r_mag', 'b_mag'] as const) tensors[name] = await vector(file, name);
  } else {
    tensors.b_enc = await vector(file, 'b_enc');
  }
  if (config.architecture === 'jumprelu') {
    tensors.threshold = await readThreshold(file, config, tensors.W_enc.cols);
  }
  if (file.tensors.has('W_skip')) tensors.W_skip = await matrix(file, 'W_skip');
  if (file.tensors.has('scaling_factor')) await applyScalingFactor(file, json, tensors);
  // A checkpoint in training keeps the norms apart; SAELens folds them when it saves the finished SAE.
  if (config.architecture === 'jumprelu' && config.rescaleActsByDecoderNorm) foldDecoderNorm(tensors);
  if (['expected_average_only_in', 'covariance_whitening'].includes(config.normalizeActivations)) {
    notes.push(
      `normalize_activations is ${config.normalizeActivations}: like SAELens, nothing is scaled at run time; the training must have folded the factor into the weights`,
    );
  }
  const rescale = config.rescaleActsByDecoderNorm && config.architecture !== 'jumprelu';
  const dtype = dtypeOf(file, 'W_enc');
  return new Sae({ ...config, dtype, rescaleActsByDecoderNorm: rescale }, tensors, {
    label: folder.label,
    notes,
  });
}

/** Writes `cfg.json` and `sae_weights.safetensors` as SAELens 6 does. */
export async function writeSaeLens(sae: Sae, at: (name: string) => string): Promise<string[]> {
  const { config, tensors } = sae;
  const refuse = refuser(sae, 'SAELens');
  refuseTranscoder(sae, 'SAELens');
  refuseSkip(sae, refuse);
  if (config.architecture === 'groupmax') refuse('groupmax architecture');
  const topk = config.architecture === 'topk' || config.architecture === 'abstopk';
  const json = {
    d_in: config.dIn,
    d_sae: config.dSae,
    dtype: 'float32',
    device: 'cpu',
    apply_b_dec_to_input: config.applyBDecToInput,
    normalize_activations: config.normalizeActivations,
    reshape_activations: config.reshapeActivations,
    ...(topk ? { k: config.k, rescale_acts_by_decoder_norm: config.rescaleActsByDecoderNorm } : {}),
    metadata: writeMetadata(config),
    architecture: config.architecture,
  };
  const { W_enc, b_enc, W_dec, b_dec, threshold, b_gate, r_mag, b_mag } = tensors;
  const named = Object.entries({ W_enc, b_enc, W_dec, b_dec, threshold, b_gate, r_mag, b_mag });
  await writeSafetensors(
    at('sae_weights.safetensors'),
    Object.fromEntries(named.flatMap(([name, tensor]) => (tensor === undefined ? [] : [[name, tensor]]))),
  );
  await writeWhole(at('cfg.json'), [`${JSON.stringify(json, null, 2)}\n`]);
  return [];
}

function isVersion6(json: Json): boolean {
  const metadata = (json['metadata'] ?? {}) as Json;
  const version = json['sae_lens_version'] || metadata['sae_lens_version'];
  return typeof version === 'string' && Number.parseInt(version, 10) >= 6;
}

/** A config of SAELens before 6 (flat, other names and defaults) in the words of 6. */
function upgrade(old: Json, label: string): Json {
  const json = Object.fromEntries(Object.entries(old).map(([key, value]) => [RENAMED[key] ?? key, value]));
  const activation = json['activation_fn'] ?? 'relu';
  const kwargs = (json['activation_fn_kwargs'] ?? {}) as Json;
  const named = json['architecture'] ?? 'standard';
  const architecture = activation === 'topk' ? 'topk' : named;
  if (activation !== 'relu' && activation !== 'topk') {
    throw new PolysemeError(
      `${label}: activation_fn ${String(activation)} is not supported (relu, topk)`,
      'unsupported',
    );
  }
  const hookName = String(json['hook_name'] ?? '');
  const normalize = json['normalize_activations'] ?? 'none';
  return {
    ...json,
    architecture,
    k: kwargs['k'] ?? json['k'],
    apply_b_dec_to_input: json['apply_b_dec_to_input'] ?? true,
    normalize_activations:
      typeof normalize === 'boolean' ? (normalize ? 'expected_average_only_in' : 'none') : normalize,
    reshape_activations: json['reshape_activations'] ?? (hookName.includes('hook_z') ? 'hook_z' : 'none'),
    metadata: { prepend_bos: true, ...(json['metadata'] as Json | undefined), ...json, metadata: undefined },
  };
}

function readConfig(json: Json, label: string): SaeConfig {
  const top = fields(json, label);
  const metadata = top.object('metadata') ?? {};
  const about = fields(metadata, label);
  const name = top.text('architecture') ?? 'standard';
  const known = Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
  if (known === undefined) {
    throw new PolysemeError(
      `${label}: architecture ${name} is not supported (${Object.keys(NAMES).join(', ')})`,
      'unsupported',
    );
  }
  const dIn = top.count('d_in');
  const dSae = top.count('d_sae');
  if (dIn === null || dSae === null)
    throw new PolysemeError(`${label}: d_in and d_sae are needed`, 'damaged');
  const normalize = top.text('normalize_activations') ?? 'none';
  if (!NORMALIZATIONS.includes(normalize as SaeNormalization)) {
    throw new PolysemeError(
      `${label}: normalize_activations ${normalize} is not supported (${NORMALIZATIONS.join(', ')})`,
      'unsupported',
    );
  }
  const reshape = top.text('reshape_activations') ?? 'none';
  if (reshape !== 'none' && reshape !== 'hook_z') {
    throw new PolysemeError(
      `${label}: reshape_activations ${reshape} is not supported (none, hook_z)`,
      'unsupported',
    );
  }
  const training = about.object('training_architecture_details') ?? {};
  const trainedAs = known.trainedAs ?? about.text('training_architecture');
  const loading = about.object('model_from_pretrained_kwargs') ?? {};
  const isTraining = 'decoder_init_norm' in json;
  return saeConfig({
    ...known,
    dIn,
    dSae,
    dOut: (known.transcoder ? top.count('d_out') : null) ?? dIn,
    trainedAs: trainedAs === known.architecture ? null : trainedAs,
    applyBDecToInput: !known.transcoder && (top.flag('apply_b_dec_to_input') ?? true),
    normalizeActivations: normalize as SaeNormalization,
    reshapeActivations: reshape,
    k: top.number('k') ?? fields(training, label).number('k') ?? (name.endsWith('topk') ? 100 : null),
    rescaleActsByDecoderNorm:
      name.endsWith('topk') && (top.flag('rescale_acts_by_decoder_norm') ?? isTraining),
    hookName: about.text('hook_name'),
    hookNameOut: about.text('hook_name_out'),
    hookHeadIndex: about.count('hook_head_index'),
    modelName: about.text('model_name'),
    contextSize: about.count('context_size'),
    prependBos: about.flag('prepend_bos'),
    centerWritingWeights: fields(loading, label).flag('center_writing_weights'),
    groupSizes: groupSizes((training['matryoshka_widths'] ?? json['matryoshka_widths']) as unknown, dSae),
    format: 'saelens',
    metadata,
  });
}

/** Group sizes from Matryoshka's cumulative widths. */
function groupSizes(widths: unknown, dSae: number): number[] | null {
  if (!Array.isArray(widths) || !widths.every((width) => Number.isInteger(width))) return null;
  const ends = widths.at(-1) === dSae ? widths : [...widths, dSae];
  return ends.map((end: number, i) => end - (i === 0 ? 0 : ends[i - 1]));
}

async function readThreshold(
  file: TensorFile,
  { trainedAs }: SaeConfig,
  latents: number,
): Promise<Float32Array> {
  if (file.tensors.has('threshold')) return vector(file, 'threshold');
  if (file.tensors.has('log_threshold')) return (await vector(file, 'log_threshold')).map(Math.exp);
  if (trainedAs !== null && file.tensors.has('topk_threshold')) {
    return new Float32Array(latents).fill(await scalar(file, 'topk_threshold'));
  }
  return vector(file, nameOf(file, 'threshold'));
}

/** Factors that SAELens before 6 multiplied latents by before decoding: they belong to the decoder's rows. */
async function applyScalingFactor(file: TensorFile, json: Json, tensors: SaeTensors): Promise<void> {
  const factors = await vector(file, 'scaling_factor');
  if (factors.every((factor) => Math.abs(factor - 1) <= 1e-5)) return;
  if (json['finetuning_scaling_factor'] !== true) {
    throw new PolysemeError(
      `${file.label}: scaling_factor is not all ones, but finetuning_scaling_factor is not true`,
    );
  }
  tensors.W_dec = scaleRows(tensors.W_dec, factors);
}

function writeMetadata(config: SaeConfig): Json {
  const { k, trainedAs, groupSizes, format, metadata } = config;
  const own: Json = format === 'saelens' ? metadata : { source_format: format, source_metadata: metadata };
  let width = 0;
  const widths = groupSizes?.map((size) => (width += size));
  const details = {
    ...(k === null ? {} : { k }),
    ...(widths === undefined ? {} : { matryoshka_widths: widths }),
  };
  const training = { training_architecture: trainedAs, training_architecture_details: details };
  const loading = own['model_from_pretrained_kwargs'] as Json | undefined;
  const centre = config.centerWritingWeights;
  const isNew = Number.parseInt(String(own['sae_lens_version']), 10) >= 6;
  return {
    ...(trainedAs === null ? {} : training),
    ...own,
    ...(config.modelName === null ? {} : { model_name: config.modelName }),
    ...(config.hookName === null ? {} : { hook_name: config.hookName }),
    ...(config.contextSize === null ? {} : { context_size: config.contextSize }),
    ...(config.prependBos === null ? {} : { prepend_bos: config.prependBos }),
    hook_head_index: config.hookHeadIndex,
    model_from_pretrained_kwargs: {
      ...loading,
      ...(centre === null ? {} : { center_writing_weights: centre }),
    },
    sae_lens_version: isNew ? own['sae_lens_version'] : WRITTEN_VERSION,
  };
}
