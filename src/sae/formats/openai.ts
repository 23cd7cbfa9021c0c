import { PolysemeError } from '../../errors.ts';
import { flip } from '../../tensors/matrix.ts';
import { matrixToWrite, type TensorToWrite, type Writable } from '../../tensors/pickle-writer.ts';
import { dtypeOf, matrix, type TensorFile, vector } from '../../tensors/tensors.ts';
import { writeTorch } from '../../tensors/torch.ts';
import { saeConfig } from '../config.ts';
import { withoutRescale } from '../fold.ts';
import { Sae } from '../sae.ts';
import type { SaeFolder } from './folder.ts';
import { refuser, refuseSkip, refuseTranscoder, siteNotes } from './refuse.ts';

/** OpenAI's names of places in GPT-2 small → sites. */
const SITES: readonly (readonly [RegExp, string])[] = [
  [/mlp_post_act/, 'mlp.hook_post'],
  [/resid_delta_attn/, 'hook_attn_out'],
  [/resid_delta_mlp/, 'hook_mlp_out'],
  [/resid_post_attn/, 'hook_resid_mid'],
  [/resid_post_mlp/, 'hook_resid_post'],
];

/**
 * Reads a state dictionary of OpenAI's `sparse_autoencoder`: ReLU, or TopK, which there always comes with a
 * layer norm of the inputs. The site is told from the path (`…/resid_post_mlp_v5_32k/autoencoders/8.pt`).
 */
export async function readOpenAi(file: TensorFile, folder: SaeFolder): Promise<Sae> {
  const { label } = folder;
  const activation = file.values.get('activation') ?? 'ReLU';
  if (activation !== 'ReLU' && activation !== 'TopK') {
    throw new PolysemeError(
      `${label}: activation ${String(activation)} is not supported (ReLU, TopK)`,
      'unsupported',
    );
  }
  let k: number | null = null;
  if (activation === 'TopK') {
    const state = file.values.get('activation_state_dict');
    const get = (key: string): unknown => (state instanceof Map ? state.get(key) : undefined);
    if (get('postact_fn') !== 'ReLU') {
      throw new PolysemeError(
        `${label}: TopK with postact_fn ${String(get('postact_fn'))} is not supported (ReLU)`,
        'unsupported',
      );
    }
    k = Number(get('k'));
  }
  const W_enc = flip(await matrix(file, 'encoder.weight'));
  const site = SITES.find(([pattern]) => pattern.test(folder.path))?.[1];
  const layer = /(\d+)\.pt$/.exec(folder.path)?.[1];
  const config = saeConfig({
    architecture: k === null ? 'standard' : 'topk',
    dIn: W_enc.rows,
    dSae: W_enc.cols,
    normalizeActivations: k === null ? 'none' : 'layer_norm',
    k,
    hookName: site === undefined || layer === undefined ? null : `blocks.${layer}.${site}`,
    modelName: site === undefined ? null : 'gpt2-small',
    dtype: dtypeOf(file, 'encoder.weight'),
    format: 'openai',
  });
  const tensors = {
    W_enc,
    b_enc: await vector(file, 'latent_bias'),
    W_dec: flip(await matrix(file, 'decoder.weight')),
    b_dec: await vector(file, 'pre_bias'),
  };
  return new Sae(config, tensors, { label });
}

/** Writes `autoencoder.pt` that `Autoencoder.from_state_dict(torch.load(…))` reads. */
export async function writeOpenAi(source: Sae, at: (name: string) => string): Promise<string[]> {
  const { architecture, applyBDecToInput, normalizeActivations } = source.config;
  const refuse = refuser(source, 'OpenAI');
  refuseTranscoder(source, 'OpenAI');
  refuseSkip(source, refuse);
  if (architecture !== 'standard' && architecture !== 'topk') {
    refuse(`${architecture} architecture (standard, topk)`);
  }
  if (!applyBDecToInput) refuse('SAE without b_dec taken from its input');
  const isTopk = architecture === 'topk';
  if (
    normalizeActivations === 'constant_norm_rescale' ||
    isTopk !== (normalizeActivations === 'layer_norm')
  ) {
    refuse(
      `${architecture} SAE with normalize_activations ${normalizeActivations} (TopK has layer_norm, ReLU none)`,
    );
  }
  const { tensors, config } = withoutRescale(source);
  const list = (data: TensorToWrite['data']): TensorToWrite => ({ shape: [data.length], strides: [1], data });
  const state: { [key: string]: Writable } = {
    pre_bias: list(tensors.b_dec),
    latent_bias: list(tensors.b_enc!),
    stats_last_nonzero: list(new BigInt64Array(config.dSae)),
    latents_activation_frequency: list(new Float32Array(config.dSae).fill(1)),
    latents_mean_square: list(new Float32Array(config.dSae)),
    'encoder.weight': matrixToWrite(flip(tensors.W_enc)),
    'decoder.weight': matrixToWrite(flip(tensors.W_dec)),
    activation: isTopk ? 'TopK' : 'ReLU',
    activation_state_dict: isTopk ? { k: config.k!, postact_fn: 'ReLU' } : {},
  };
  await writeTorch(at('autoencoder.pt'), state);
  return siteNotes(source, 'OpenAI');
}
