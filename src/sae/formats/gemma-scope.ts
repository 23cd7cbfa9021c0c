import { PolysemeError } from '../../errors.ts';
import { writeNpz } from '../../tensors/npz.ts';
import { dtypeOf, matrix, nameOf, type TensorFile, vector } from '../../tensors/tensors.ts';
import { type SaeConfig, saeConfig } from '../config.ts';
import { scaleAll } from '../fold.ts';
import { Sae, type SaeTensors } from '../sae.ts';
import type { SaeFolder } from './folder.ts';
import { refuseNormalization, refuser, refuseSkip, refuseTranscoder, siteNotes } from './refuse.ts';

/**
 * Reads Gemma Scope's `params.npz` (JumpReLU, b_dec not taken from the input). The file says nothing about
 * where the SAE belongs: that is told from the path, which should hold `layer_N` and the repository's name.
 * Embedding SAEs were trained on embeddings × √d, which is folded into the weights.
 */
export async function readGemmaScope(file: TensorFile, folder: SaeFolder): Promise<Sae> {
  const named = (...names: string[]) => nameOf(file, ...names);
  const W_enc = named('W_enc', 'w_enc', 'w_e');
  const tensors: SaeTensors = {
    W_enc: await matrix(file, W_enc),
    W_dec: await matrix(file, named('W_dec', 'w_dec', 'w_d')),
    b_enc: await vector(file, named('b_enc', 'b_e')),
    b_dec: await vector(file, named('b_dec', 'b_d')),
    threshold: await vector(file, named('threshold')),
  };
  if (file.tensors.has('affine_skip_connection')) {
    throw new PolysemeError(
      `${folder.label}: transcoders of Gemma Scope 2 with an affine skip connection are not supported`,
      'unsupported',
    );
  }
  const notes: string[] = [];
  const path = folder.path.replaceAll('\\', '/');
  const where = whereFrom(path);
  if (/\bembedding\b/.test(path)) {
    const root = Math.sqrt(tensors.W_enc.rows);
    tensors.W_enc = scaleAll(tensors.W_enc, 1 / root);
    tensors.W_dec = scaleAll(tensors.W_dec, root);
    notes.push('an embedding SAE: its weights were scaled by √d to read unscaled embeddings');
  }
  const config = saeConfig({
    architecture: 'jumprelu',
    dIn: tensors.W_enc.rows,
    dSae: tensors.W_enc.cols,
    dOut: tensors.W_dec.cols,
    applyBDecToInput: false,
    prependBos: true,
    contextSize: 1024,
    ...where,
    dtype: dtypeOf(file, W_enc),
    format: 'gemma_scope',
  });
  return new Sae(config, tensors, { label: folder.label, notes });
}

/** Writes `params.npz`. A standard SAE is a JumpReLU one with thresholds of 0. */
export async function writeGemmaScope(sae: Sae, at: (name: string) => string): Promise<string[]> {
  const { config, tensors } = sae;
  const refuse = refuser(sae, 'Gemma Scope');
  refuseTranscoder(sae, 'Gemma Scope');
  refuseSkip(sae, refuse);
  if (config.architecture !== 'jumprelu' && config.architecture !== 'standard') {
    refuse(`${config.architecture} architecture (jumprelu, standard)`);
  }
  if (config.applyBDecToInput) refuse('SAE with b_dec taken from its input');
  refuseNormalization(sae, refuse);
  const { W_enc, W_dec, b_enc, b_dec } = tensors;
  const threshold = tensors.threshold ?? new Float32Array(config.dSae);
  await writeNpz(at('params.npz'), { W_enc, W_dec, b_enc: b_enc!, b_dec, threshold });
  return siteNotes(sae, 'Gemma Scope');
}

function whereFrom(path: string): Partial<SaeConfig> {
  const layer = /layer_(\d+)/.exec(path)?.[1];
  const repo = /gemma-scope-(\d+b)-(pt|it)-(res|mlp|att|transcoders)/.exec(path);
  if (repo === null) return {};
  const modelName = `gemma-2-${repo[1]}${repo[2] === 'it' ? '-it' : ''}`;
  if (/\bembedding\b/.test(path)) return { modelName, hookName: 'hook_embed' };
  if (layer === undefined) return { modelName };
  switch (repo[3]) {
    case 'mlp':
      return { modelName, hookName: `blocks.${layer}.hook_mlp_out` };
    case 'att':
      return { modelName, hookName: `blocks.${layer}.attn.hook_z`, reshapeActivations: 'hook_z' };
    case 'transcoders':
      return {
        modelName,
        hookName: `blocks.${layer}.ln2.hook_normalized`,
        hookNameOut: `blocks.${layer}.hook_mlp_out`,
        transcoder: true,
      };
    default:
      return { modelName, hookName: `blocks.${layer}.hook_resid_post` };
  }
}
