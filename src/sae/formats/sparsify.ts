import { writeWhole } from '../../base/files.ts';
import { PolysemeError } from '../../errors.ts';
import { flip } from '../../tensors/matrix.ts';
import { writeSafetensors } from '../../tensors/safetensors-file.ts';
import { dtypeOf, matrix, type TensorFile, vector } from '../../tensors/tensors.ts';
import { type SaeArchitecture, saeConfig } from '../config.ts';
import { withoutRescale } from '../fold.ts';
import { Sae, type SaeTensors } from '../sae.ts';
import { fields, type Json } from './fields.ts';
import { readJson, type SaeFolder } from './folder.ts';
import { refuseNormalization, refuser, refuseTranscoder } from './refuse.ts';

/**
 * Reads `cfg.json` and `sae.safetensors` of EleutherAI's sparsify. W_dec is [latents × width] there too:
 * SAELens's reader turns it round, which is wrong.
 */
export async function readSparsify(file: TensorFile, folder: SaeFolder): Promise<Sae> {
  if (!folder.has('cfg.json')) {
    throw new PolysemeError(`${folder.label}: weights of sparsify, but no cfg.json beside them`, 'not-found');
  }
  const json = await readJson(folder, 'cfg.json');
  const cfg = fields(json, `${folder.label} (cfg.json)`);
  const activation = cfg.text('activation') ?? 'topk';
  if (activation !== 'topk' && activation !== 'groupmax') {
    throw new PolysemeError(
      `${folder.label}: activation ${activation} is not supported (topk, groupmax)`,
      'unsupported',
    );
  }
  if (cfg.flag('signed') === true) {
    throw new PolysemeError(
      `${folder.label}: signed latents (of sparsify before 1.0) are not supported`,
      'unsupported',
    );
  }
  const transcoder = cfg.flag('transcode') ?? false;
  const tensors: SaeTensors = {
    W_enc: flip(await matrix(file, 'encoder.weight')),
    b_enc: await vector(file, 'encoder.bias'),
    W_dec: await matrix(file, 'W_dec'),
    b_dec: await vector(file, 'b_dec'),
  };
  if (file.tensors.has('W_skip')) tensors.W_skip = await matrix(file, 'W_skip');
  const dIn = cfg.count('d_in') ?? tensors.W_enc.rows;
  const run = folder.has('../config.json') ? await readJson(folder, '../config.json') : {};
  const about = fields(run, `${folder.label} (../config.json)`);
  const config = saeConfig({
    architecture: activation satisfies SaeArchitecture,
    dIn,
    dSae: cfg.count('num_latents') || dIn * (cfg.count('expansion_factor') ?? 32),
    dOut: tensors.W_dec.cols,
    transcoder,
    applyBDecToInput: !transcoder,
    k: cfg.count('k') ?? 32,
    hookName: siteOf(folder.path),
    modelName: about.text('model'),
    contextSize: about.count('ctx_len'),
    dtype: dtypeOf(file, 'encoder.weight'),
    format: 'sparsify',
    metadata: json,
  });
  return new Sae(config, tensors, { label: folder.label });
}

/** Writes `cfg.json` and `sae.safetensors` that `SparseCoder.load_from_disk` reads. */
export async function writeSparsify(source: Sae, at: (name: string) => string): Promise<string[]> {
  const { architecture, applyBDecToInput, dIn, dSae, k } = source.config;
  const refuse = refuser(source, 'sparsify');
  refuseTranscoder(source, 'sparsify');
  if (architecture !== 'topk' && architecture !== 'groupmax') {
    refuse(`${architecture} architecture (topk, groupmax)`);
  }
  if (!applyBDecToInput) refuse('SAE without b_dec taken from its input');
  refuseNormalization(source, refuse);
  const { tensors, config } = withoutRescale(source);
  const own: Json = config.format === 'sparsify' ? config.metadata : {};
  const json = {
    expansion_factor: Math.max(1, Math.round(dSae / dIn)),
    normalize_decoder: true,
    multi_topk: false,
    ...own,
    activation: architecture,
    num_latents: dSae,
    k,
    skip_connection: tensors.W_skip !== undefined,
    transcode: false,
    d_in: dIn,
  };
  await writeSafetensors(at('sae.safetensors'), {
    W_dec: tensors.W_dec,
    ...(tensors.W_skip === undefined ? {} : { W_skip: tensors.W_skip }),
    b_dec: tensors.b_dec,
    'encoder.bias': tensors.b_enc!,
    'encoder.weight': flip(tensors.W_enc),
  });
  await writeWhole(at('cfg.json'), [`${JSON.stringify(json, null, 2)}\n`]);
  return [];
}

/** The site of a hookpoint (`layers.5`, `h.5.mlp`, `layers.5.attention`), which is the folder's name. */
function siteOf(path: string): string | null {
  if (/embed_tokens/.test(path)) return 'hook_embed';
  const match = /(?:layers|h|blocks)[._](\d+)(?:[._]([a-z_]+))?(?:\/[^/]*\.safetensors)?$/.exec(
    path.replaceAll('\\', '/'),
  );
  if (match === null) return null;
  const part = match[2] ?? '';
  const site =
    part === ''
      ? 'hook_resid_post'
      : /mlp/.test(part)
        ? 'hook_mlp_out'
        : /attn|attention/.test(part)
          ? 'hook_attn_out'
          : null;
  return site === null ? null : `blocks.${match[1]}.${site}`;
}
