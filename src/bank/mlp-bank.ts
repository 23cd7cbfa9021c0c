import type { GatedMode } from '../embed/gated.ts';
import { PolysemeError } from '../errors.ts';
import { type ModelFiles, sitesOf } from '../model/compile.ts';
import { readTensor, type TensorRef } from '../tensors/safetensors.ts';
import type { Bank } from './bank.ts';
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

/** The neurons of one MLP layer. */
export function mlpBank(files: ModelFiles, layer: number, { layernorm, gated }: MlpBankOptions): Bank {
  const { model, architecture } = files;
  if (!Number.isInteger(layer) || layer < 0 || layer >= model.layers) {
    throw new PolysemeError(
      `layer ${layer} is out of range: the model's layers are 0 to ${model.layers - 1}`,
      'not-found',
    );
  }
  const site = layernorm === 'raw' ? `blocks.${layer}.mlp.hook_in` : `blocks.${layer}.ln2.hook_normalized`;
  // Where the MLP stands beside the attention, both read the stream before the block.
  const middle = `blocks.${layer}.hook_resid_mid`;
  const sites = sitesOf(files);
  const names = architecture.mlpNames(layer);
  const { width, mlpWidth } = model;
  return {
    name: `mlp.${layer}`,
    kind: 'mlp',
    site,
    inputs: site,
    activations: `blocks.${layer}.mlp.hook_post`,
    norms: normTap(sites.has(middle) ? middle : `blocks.${layer}.hook_resid_pre`),
    units: mlpWidth,
    width,
    embedding: model.gated
      ? { kind: 'gated', activation: model.activation, mode: gated }
      : { kind: 'linear' },
    edits: [],
    async weights() {
      const find = tensorFinder(files);
      const norm = layernorm === 'folded' ? await readNorm(find, names.norm) : null;
      const centred = norm !== null && model.norm.kind === 'layernorm';
      const rowLength = names.gate === null ? width : 2 * width + 2;
      const rows = new Float32Array(new SharedArrayBuffer(4 * rowLength * mlpWidth));
      const parts = names.gate === null ? [names.up] : [names.gate, names.up];
      for (const [part, name] of parts.entries()) {
        const matrix = await find(`${name}.weight`);
        const bias = await find(`${name}.bias`, true);
        for (let unit = 0; unit < mlpWidth; unit++) {
          const row = rows.subarray(unit * rowLength + part * width, unit * rowLength + (part + 1) * width);
          if (names.layout === 'out_in') row.set(matrix!.subarray(unit * width, (unit + 1) * width));
          else for (let k = 0; k < width; k++) row[k] = matrix![k * mlpWidth + unit]!;
          const fromBeta = norm === null ? 0 : fold(row, norm, centred);
          if (names.gate !== null) rows[unit * rowLength + 2 * width + part] = (bias?.[unit] ?? 0) + fromBeta;
        }
      }
      return rows;
    },
  };
}

interface Norm {
  readonly gamma: Float32Array;
  readonly beta: Float32Array | null;
}

/** Folds γ into a row of weights, centred where asked; returns β·w, which goes to the bias. */
function fold(row: Float32Array, { gamma, beta }: Norm, centred: boolean): number {
  let fromBeta = 0;
  let sum = 0;
  for (let k = 0; k < row.length; k++) {
    fromBeta += (beta?.[k] ?? 0) * row[k]!;
    const folded = gamma[k]! * row[k]!;
    sum += folded;
    row[k] = folded;
  }
  if (centred) {
    const mean = sum / row.length;
    for (let k = 0; k < row.length; k++) row[k]! -= mean;
  }
  return fromBeta;
}

type Find = (name: string, optional?: boolean) => Promise<Float32Array | null>;

/** Reads tensors by their name without the architecture's prefix. */
function tensorFinder(files: ModelFiles): Find {
  return async (name, optional = false) => {
    const full = [name, files.architecture.prefix + name].find((n) => files.tensors.has(n));
    if (full === undefined) {
      if (optional) return null;
      throw new PolysemeError(`${files.dir}: the checkpoint has no tensor ${name}`, 'not-found');
    }
    const source: { tensors: ReadonlyMap<string, TensorRef> } = files;
    return readTensor(source, full);
  };
}

async function readNorm(find: Find, name: string): Promise<Norm> {
  return { gamma: (await find(`${name}.weight`))!, beta: await find(`${name}.bias`, true) };
}
