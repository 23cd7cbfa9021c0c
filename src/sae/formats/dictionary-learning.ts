import { PolysemeError } from '../../errors.ts';
import { flip, rowNorms } from '../../tensors/matrix.ts';
import {
  dtypeOf,
  type LoadedTensor,
  matrix,
  scalar,
  type TensorFile,
  vector,
} from '../../tensors/tensors.ts';
import { type SaeConfig, saeConfig } from '../config.ts';
import { foldDecoderNorm } from '../fold.ts';
import { Sae, type SaeTensors } from '../sae.ts';
import { fields, type Json } from './fields.ts';
import { readJson, type SaeFolder } from './folder.ts';

/** Tolerance with which the package calls decoder norms 1 (torch.allclose). */
const UNIT = 1e-5 + 1e-8;

/** The package's dictionary classes, as their configs name them. */
export const CLASSES = [
  'AutoEncoder',
  'AutoEncoderNew',
  'GatedAutoEncoder',
  'AutoEncoderTopK',
  'BatchTopKSAE',
  'MatryoshkaBatchTopKSAE',
  'JumpReluAutoEncoder',
] as const;
export type DictClass = (typeof CLASSES)[number];

/**
 * Reads `ae.pt` and `config.json`. As the package's own `load_dictionary` does, the decoder of an
 * `AutoEncoder` is normalised (its norms move into the encoder), and BatchTopK SAEs use their threshold.
 */
export async function readDictionaryLearning(file: TensorFile, folder: SaeFolder): Promise<Sae> {
  const json = folder.has('config.json') ? await readJson(folder, 'config.json') : {};
  const label = `${folder.label} (config.json)`;
  const trainer = fields(json, label).object('trainer') ?? {};
  const kind = classOf(file, fields(trainer, label).text('dict_class'), folder.label);
  const notes: string[] = [];
  const tensors = await readTensors(file, kind);
  if (kind === 'AutoEncoder') normalizeDecoder(tensors, notes);
  const hasK = file.tensors.has('k');
  const k = hasK ? await scalar(file, 'k') : fields(trainer, label).count('k');
  const groups: LoadedTensor | null = file.tensors.has('group_sizes') ? await file.read('group_sizes') : null;
  const unset = unsetThreshold(kind, tensors, k);
  if (unset !== null) notes.push(unset);
  const config = saeConfig({
    ...shapeOf(kind),
    dIn: tensors.W_enc.rows,
    dSae: tensors.W_enc.cols,
    k,
    groupSizes: groups === null ? null : [...groups.data],
    ...whereFrom(json, label),
    dtype: dtypeOf(file, file.tensors.has('W_enc') ? 'W_enc' : 'encoder.weight'),
    format: 'dictionary_learning',
    metadata: json,
  });
  return new Sae(config, tensors, { label: folder.label, notes });
}

function classOf(file: TensorFile, named: string | null, label: string): DictClass {
  if (named !== null) {
    if (CLASSES.includes(named as DictClass)) return named as DictClass;
    throw new PolysemeError(
      `${label}: dict_class ${named} is not supported (${CLASSES.join(', ')})`,
      'unsupported',
    );
  }
  const has = (name: string) => file.tensors.has(name);
  if (has('group_sizes')) return 'MatryoshkaBatchTopKSAE';
  if (has('gate_bias')) return 'GatedAutoEncoder';
  if (has('W_enc')) return 'JumpReluAutoEncoder';
  if (has('bias')) return 'AutoEncoder';
  if (has('decoder.bias')) return 'AutoEncoderNew';
  throw new PolysemeError(
    `${label}: whether it is an AutoEncoderTopK or a BatchTopKSAE only its config.json (trainer.dict_class) can say, which is missing`,
  );
}

function shapeOf(kind: DictClass): Pick<SaeConfig, 'architecture'> & Partial<SaeConfig> {
  switch (kind) {
    case 'AutoEncoder':
      return { architecture: 'standard' };
    case 'AutoEncoderNew':
      return { architecture: 'standard', applyBDecToInput: false };
    case 'GatedAutoEncoder':
      return { architecture: 'gated' };
    case 'AutoEncoderTopK':
      return { architecture: 'topk' };
    case 'BatchTopKSAE':
      return { architecture: 'jumprelu', trainedAs: 'batchtopk' };
    case 'MatryoshkaBatchTopKSAE':
      return { architecture: 'jumprelu', trainedAs: 'matryoshka_batchtopk' };
    case 'JumpReluAutoEncoder':
      return { architecture: 'jumprelu', applyBDecToInput: false };
  }
}

async function readTensors(file: TensorFile, kind: DictClass): Promise<SaeTensors> {
  if (kind === 'JumpReluAutoEncoder' || kind === 'MatryoshkaBatchTopKSAE') {
    const W_enc = await matrix(file, 'W_enc');
    return {
      W_enc,
      W_dec: await matrix(file, 'W_dec'),
      b_dec: await vector(file, 'b_dec'),
      b_enc: await vector(file, 'b_enc'),
      threshold:
        kind === 'JumpReluAutoEncoder'
          ? await vector(file, 'threshold')
          : new Float32Array(W_enc.cols).fill(await scalar(file, 'threshold')),
    };
  }
  const tensors: SaeTensors = {
    W_enc: flip(await matrix(file, 'encoder.weight')),
    W_dec: flip(await matrix(file, 'decoder.weight')),
    b_dec: await vector(file, BIAS[kind]),
  };
  if (kind === 'GatedAutoEncoder') {
    tensors.b_gate = await vector(file, 'gate_bias');
    tensors.r_mag = await vector(file, 'r_mag');
    tensors.b_mag = await vector(file, 'mag_bias');
    return tensors;
  }
  tensors.b_enc = await vector(file, 'encoder.bias');
  if (kind === 'BatchTopKSAE') {
    tensors.threshold = new Float32Array(tensors.b_enc.length).fill(await scalar(file, 'threshold'));
  }
  return tensors;
}

/** What to say of a BatchTopK SAE whose threshold is still the package's initial -1. */
function unsetThreshold(kind: DictClass, { threshold }: SaeTensors, k: number | null): string | null {
  if (kind !== 'BatchTopKSAE' && kind !== 'MatryoshkaBatchTopKSAE') return null;
  const value = threshold?.[0];
  if (value === undefined || value >= 0) return null;
  const trained = k === null ? 'the k latents' : `the ${k} latents`;
  return (
    `its threshold was never set (${value}): every latent above 0 is active, not on average ${trained} per token that ` +
    "it was trained with; train it beyond the package's threshold_start_step, or write the threshold into ae.pt"
  );
}

/** What each class with Linear layers calls b_dec. */
const BIAS = {
  AutoEncoder: 'bias',
  AutoEncoderNew: 'decoder.bias',
  GatedAutoEncoder: 'decoder_bias',
  AutoEncoderTopK: 'b_dec',
  BatchTopKSAE: 'b_dec',
} as const;

function normalizeDecoder(tensors: SaeTensors, notes: string[]): void {
  const norms = rowNorms(tensors.W_dec);
  if (hasUnitNorms(norms)) return;
  foldDecoderNorm(tensors, norms);
  notes.push(
    'its decoder norms were moved into the encoder, as dictionary_learning does when it loads an AutoEncoder',
  );
}

/** Whether the package leaves a decoder of these norms as it is. */
export function hasUnitNorms(norms: Float32Array): boolean {
  return norms.every((norm) => Math.abs(norm - 1) <= UNIT);
}

function whereFrom(json: Json, label: string): Partial<SaeConfig> {
  const top = fields(json, label);
  const trainer = fields(top.object('trainer') ?? {}, label);
  const layer = trainer.count('layer');
  const submodule = trainer.text('submodule_name') ?? '';
  const site = /mlp/.test(submodule)
    ? 'hook_mlp_out'
    : /attn|attention/.test(submodule)
      ? 'hook_attn_out'
      : 'hook_resid_post';
  const named = /^blocks\.\d+\./.test(submodule) ? submodule : null;
  return {
    hookName: named ?? (layer === null ? null : `blocks.${layer}.${site}`),
    reshapeActivations: submodule.endsWith('hook_z') ? 'hook_z' : 'none',
    modelName: trainer.text('lm_name') || null,
    contextSize: fields(top.object('buffer') ?? {}, label).count('ctx_len'),
  };
}
