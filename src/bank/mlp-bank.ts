import type { GatedMode } from '../embed/gated.ts';
import { PolysemeError } from '../errors.ts';
import type { MlpNames, NeuronMatrix } from '../model/architectures/architecture.ts';
import { type ModelFiles, mlpNamesOf, sitesOf } from '../model/compile.ts';
import { readTensor } from '../tensors/safetensors.ts';
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

/** The banks of one MLP layer: `mlp.L`, and `mlp.L.shared` where an expert is taken everywhere. */
export function mlpBanks(files: ModelFiles, layer: number, options: MlpBankOptions): Bank[] {
  const bank = mlpBank(files, layer, options);
  return mlpNamesOf(files, layer).shared === undefined ? [bank] : [bank, sharedBank(files, layer, options)];
}

/** The neurons of one MLP layer; of a mixture those of all experts, unit = expert · (neurons of one) + neuron. */
export function mlpBank(files: ModelFiles, layer: number, options: MlpBankOptions): Bank {
  checkLayer(files, layer);
  const names = mlpNamesOf(files, layer);
  return bankOf(files, layer, options, { name: `mlp.${layer}`, at: 'mlp', names });
}

/** The neurons of a layer's shared expert. */
export function sharedBank(files: ModelFiles, layer: number, options: MlpBankOptions): Bank {
  checkLayer(files, layer);
  const { shared, experts, ...all } = mlpNamesOf(files, layer);
  if (shared === undefined)
    throw new PolysemeError(`the MLP of layer ${layer} has no shared expert`, 'not-found');
  return bankOf(files, layer, options, {
    name: `mlp.${layer}.shared`,
    at: 'mlp.shared',
    names: { ...all, ...shared },
  });
}

// ---------------------------------------------------------------- banks

function checkLayer({ model }: ModelFiles, layer: number): void {
  if (!Number.isInteger(layer) || layer < 0 || layer >= model.layers) {
    throw new PolysemeError(
      `layer ${layer} is out of range: the model's layers are 0 to ${model.layers - 1}`,
      'not-found',
    );
  }
}

/** The bank of neurons whose activations are the site `AT.hook_post` of the layer. */
function bankOf(
  files: ModelFiles,
  layer: number,
  { layernorm, gated }: MlpBankOptions,
  { name, at, names }: { readonly name: string; readonly at: string; readonly names: MlpNames },
): Bank {
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
  return {
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
    async weights() {
      const read = tensorReader(files);
      const norm = layernorm === 'folded' ? await readNorm(read, names.norm!) : null;
      const gated = names.gate !== null;
      const rowLength = gated ? 2 * width + 2 : width;
      const rows = new Float32Array(new SharedArrayBuffer(4 * rowLength * units));
      for (const [i, { gate, up }] of experts.entries()) {
        const own = rows.subarray(i * names.units * rowLength, (i + 1) * names.units * rowLength);
        for (const [part, matrix] of (gate === null ? [up] : [gate, up]).entries()) {
          const bias = matrix.bias === null ? null : await read(matrix.bias);
          const copy = neuronRows(await read(matrix.weight), matrix, width);
          for (let unit = 0; unit < names.units; unit++) {
            const row = own.subarray(unit * rowLength, (unit + 1) * rowLength);
            const weights = row.subarray(part * width, (part + 1) * width);
            copy(unit, weights);
            const fromBeta = norm === null ? 0 : fold(weights, norm);
            if (gated) row[2 * width + part] = (bias?.[matrix.first + unit] ?? 0) + fromBeta;
          }
        }
      }
      return rows;
    },
  };
}

interface Norm {
  readonly gamma: Float32Array;
  readonly beta: Float32Array | null;
  readonly centred: boolean;
}

/** Folds γ into a row of weights, centred where asked; returns β·w, which goes to the bias. */
function fold(row: Float32Array, { gamma, beta, centred }: Norm): number {
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

/** Copies one neuron's weights out of a matrix. */
function neuronRows(
  matrix: Float32Array,
  { layout, first }: NeuronMatrix,
  width: number,
): (unit: number, into: Float32Array) => void {
  if (layout === 'out_in') {
    return (unit, into) => into.set(matrix.subarray((first + unit) * width, (first + unit + 1) * width));
  }
  const columns = matrix.length / width;
  return (unit, into) => {
    for (let k = 0; k < width; k++) into[k] = matrix[k * columns + first + unit]!;
  };
}

type Read = (name: string) => Promise<Float32Array>;

/** Reads tensors by their name without the architecture's prefix. */
function tensorReader({ named, dir }: ModelFiles): Read {
  return async (name) => {
    if (!named.has(name))
      throw new PolysemeError(`${dir}: the checkpoint has no tensor ${name}`, 'not-found');
    return readTensor({ tensors: named }, name);
  };
}

async function readNorm(read: Read, names: NonNullable<MlpNames['norm']>): Promise<Norm> {
  const stored = await read(names.weight);
  return {
    gamma: names.plusOne ? stored.map((weight) => 1 + weight) : stored,
    beta: names.bias === null ? null : await read(names.bias),
    centred: names.centred,
  };
}
