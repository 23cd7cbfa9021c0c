import type { GatedMode } from '../embed/gated.ts';
import { PolysemeError } from '../errors.ts';
import type { MlpNames } from '../model/architectures/architecture.ts';
import { type ModelFiles, mlpNamesOf, sitesOf } from '../model/compile.ts';
import type { TappedBank } from './bank.ts';
import { normTap } from './norm-tap.ts';

export interface MlpBankOptions {
  /**
   * `raw`: h includes LayerNorm's γ and β, w is the checkpoint's. `folded`: h is only normalised, w ← γ⊙w, centred
   * over d for LayerNorm (TransformerLens's default processing). Same activation, different cosines.
   */
  readonly layernorm: 'raw' | 'folded';
  /** What the embedding of a gated MLP takes as weights: the activation's gradient, or one of its two matrices. */
  readonly gated: GatedMode;
}

/** Neurons of a layer: where they are tapped, and the tensors that hold their weights. */
export interface TappedMlp {
  readonly bank: TappedBank;
  readonly names: MlpNames;
}

/** The neurons of one MLP layer; of a mixture those of all experts, unit = expert · (neurons of one) + neuron. */
export function tappedMlp(files: ModelFiles, layer: number, options: MlpBankOptions): TappedMlp {
  checkLayer(files, layer);
  return tapped(files, layer, options, { name: `mlp.${layer}`, at: 'mlp', names: mlpNamesOf(files, layer) });
}

/** The neurons of a layer's shared expert. */
export function tappedShared(files: ModelFiles, layer: number, options: MlpBankOptions): TappedMlp {
  checkLayer(files, layer);
  const { shared, experts, ...all } = mlpNamesOf(files, layer);
  if (shared === undefined)
    throw new PolysemeError(`the MLP of layer ${layer} has no shared expert`, 'not-found');
  return tapped(files, layer, options, {
    name: `mlp.${layer}.shared`,
    at: 'mlp.shared',
    names: { ...all, ...shared },
  });
}

/** The neurons of a bank by its name, `mlp.L` or `mlp.L.shared`; null where it is no such name. */
export function mlpNamed(
  files: ModelFiles,
  bank: string,
  options: MlpBankOptions,
): (TappedMlp & { readonly layer: number }) | null {
  const found = /^mlp\.(\d+)(\.shared)?$/.exec(bank);
  if (found === null) return null;
  const layer = Number(found[1]);
  return { layer, ...(found[2] === undefined ? tappedMlp : tappedShared)(files, layer, options) };
}

function checkLayer({ model }: ModelFiles, layer: number): void {
  if (!Number.isInteger(layer) || layer < 0 || layer >= model.layers) {
    throw new PolysemeError(
      `layer ${layer} is out of range: the model's layers are 0 to ${model.layers - 1}`,
      'not-found',
    );
  }
}

/** The neurons whose activations are the site `AT.hook_post` of the layer. */
function tapped(
  files: ModelFiles,
  layer: number,
  { layernorm, gated }: MlpBankOptions,
  { name, at, names }: { readonly name: string; readonly at: string; readonly names: MlpNames },
): TappedMlp {
  const { model } = files;
  const site = layernorm === 'raw' ? `blocks.${layer}.mlp.hook_in` : `blocks.${layer}.ln2.hook_normalized`;
  // Where the MLP stands beside the attention, both read the stream before the block.
  const middle = `blocks.${layer}.hook_resid_mid`;
  const sites = sitesOf(files);
  if (layernorm === 'folded' && names.norm === null) {
    throw new PolysemeError(
      `the MLP of layer ${layer} of a ${model.architecture} model reads the stream without a norm: layernorm folded ` +
        'means nothing there (leave it out)',
      'unsupported',
    );
  }
  const { width, activation, experts = [names] } = names;
  const units = names.units * experts.length;
  const stream = [middle, `blocks.${layer}.hook_resid_pre`].find((name) => sites.has(name));
  const bank: TappedBank = {
    name,
    kind: 'mlp',
    site,
    inputs: site,
    activations: `blocks.${layer}.${at}.hook_post`,
    norms: stream === undefined ? null : normTap(stream),
    units,
    ...(names.experts && {
      experts: { count: names.experts.length, shares: `blocks.${layer}.${at}.hook_share` },
    }),
    width,
    embedding: names.gate === null ? { kind: 'linear' } : { kind: 'gated', activation, mode: gated },
    edits: [],
  };
  return { bank, names };
}
