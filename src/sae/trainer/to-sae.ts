import { rowMajor } from '../../tensors/matrix.ts';
import { type SaeConfig, saeConfig } from '../config.ts';
import { Sae } from '../sae.ts';
import type { SaeTrainerArchitecture, SaeTrainerSettings, SaeWeights } from './trainer-options.ts';

/** What an SAE's config says of where its inputs come from, in SAELens's keys; further keys are kept as they are. */
export type SaeMetadata = Readonly<Record<string, string | number | boolean | null>> & {
  /** The site, e.g. `blocks.2.hook_resid_post`. */
  readonly hook_name?: string;
  readonly model_name?: string;
  /** Tokens of a context, BOS counted. */
  readonly context_size?: number;
  readonly prepend_bos?: boolean;
};

/** What a trained SAE is called at inference. */
const TRAINED: Readonly<Record<SaeTrainerArchitecture, Pick<SaeConfig, 'architecture' | 'trainedAs'>>> = {
  relu: { architecture: 'standard', trainedAs: null },
  topk: { architecture: 'topk', trainedAs: null },
  batchtopk: { architecture: 'jumprelu', trainedAs: 'batchtopk' },
  jumprelu: { architecture: 'jumprelu', trainedAs: null },
  matryoshka: { architecture: 'jumprelu', trainedAs: 'matryoshka_batchtopk' },
};

/**
 * The SAE that a trainer's weights are: k and the sizes of nested groups stay in its config, where conversions to
 * other formats look for them. The arrays are not copied.
 */
export function toSae(
  settings: Readonly<SaeTrainerSettings>,
  { W_enc, b_enc, W_dec, b_dec, threshold }: SaeWeights,
  metadata: SaeMetadata = {},
  label = 'SAE',
): Sae {
  const { architecture, width, latents, k } = settings;
  const { hook_name: hookName = null } = metadata;
  const config = saeConfig({
    ...TRAINED[architecture],
    dIn: width,
    dSae: latents,
    k: k > 0 ? k : null,
    applyBDecToInput: settings.applyBDecToInput,
    reshapeActivations: hookName?.endsWith('attn.hook_z') ? 'hook_z' : 'none',
    hookName,
    modelName: metadata.model_name ?? null,
    contextSize: metadata.context_size ?? null,
    prependBos: metadata.prepend_bos ?? null,
    groupSizes: architecture === 'matryoshka' ? settings.groupSizes : null,
    format: 'saelens',
    metadata,
  });
  return new Sae(
    config,
    {
      W_enc: rowMajor(W_enc, width, latents),
      b_enc,
      W_dec: rowMajor(W_dec, latents, width),
      b_dec,
      ...(threshold === undefined ? {} : { threshold }),
    },
    { label },
  );
}
