import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PolysemeError } from '../../errors.ts';
import { writeSafetensors } from '../../tensors/write-safetensors.ts';
import { isBatchTopK, type SaeTrainerSettings, type SaeWeights } from './trainer-options.ts';

/** What an SAE's config says of where its inputs come from: model_name, hook_name, context_size, prepend_bos, … */
export type SaeMetadata = Readonly<Record<string, string | number | boolean | null>>;

/** Writes an SAE in SAELens's format (`sae_weights.safetensors`, `cfg.json`), each file whole or not at all. */
export async function saveSae(
  dir: string,
  settings: SaeTrainerSettings,
  weights: SaeWeights,
  metadata: SaeMetadata,
): Promise<void> {
  const { inputDim, latents, architecture, k, applyBDecToInput } = settings;
  const { W_enc, b_enc, W_dec, b_dec, threshold } = weights;
  const kind = architecture === 'relu' ? 'standard' : isBatchTopK(architecture) ? 'jumprelu' : architecture;
  const config = {
    architecture: kind,
    d_in: inputDim,
    d_sae: latents,
    dtype: 'float32',
    device: 'cpu',
    apply_b_dec_to_input: applyBDecToInput,
    normalize_activations: 'none',
    reshape_activations: 'none',
    ...(kind === 'topk' ? { k, rescale_acts_by_decoder_norm: false } : {}),
    metadata: { sae_lens_version: FORMAT, training_architecture: TRAINED_AS[architecture], ...metadata },
  };
  try {
    await mkdir(dir, { recursive: true });
  } catch (error) {
    throw new PolysemeError(`cannot write an SAE to ${dir}: ${(error as Error).message}`);
  }
  await writeSafetensors(join(dir, 'sae_weights.safetensors'), {
    W_enc: { data: W_enc, shape: [inputDim, latents] },
    b_enc: { data: b_enc, shape: [latents] },
    W_dec: { data: W_dec, shape: [latents, inputDim] },
    b_dec: { data: b_dec, shape: [inputDim] },
    ...(threshold ? { threshold: { data: threshold, shape: [latents] } } : {}),
  });
  const path = join(dir, 'cfg.json');
  const temporary = join(dir, `.cfg.json.${process.pid}.incomplete`);
  await writeFile(temporary, `${JSON.stringify(config, null, 2)}\n`);
  await rename(temporary, path);
}

/** The version of SAELens whose format this is. */
const FORMAT = '6.54.0';

const TRAINED_AS = {
  relu: 'standard',
  topk: 'topk',
  batchtopk: 'batchtopk',
  jumprelu: 'jumprelu',
  matryoshka: 'matryoshka_batchtopk',
} as const;
