import { PolysemeError } from '../errors.ts';
import type { MlpNames, NeuronMatrix } from '../model/architectures/architecture.ts';
import { type ModelFiles, mlpNamesOf } from '../model/compile.ts';
import { readTensor } from '../tensors/safetensors.ts';
import type { Bank } from './bank.ts';
import { type MlpBankOptions, type TappedMlp, tappedMlp, tappedShared } from './mlp-taps.ts';

/** The banks of one MLP layer: `mlp.L`, and `mlp.L.shared` where an expert is taken everywhere. */
export function mlpBanks(files: ModelFiles, layer: number, options: MlpBankOptions): Bank[] {
  const bank = mlpBank(files, layer, options);
  return mlpNamesOf(files, layer).shared === undefined ? [bank] : [bank, sharedBank(files, layer, options)];
}

/** See `tappedMlp`. */
export function mlpBank(files: ModelFiles, layer: number, options: MlpBankOptions): Bank {
  return withWeights(files, tappedMlp(files, layer, options), options);
}

/** See `tappedShared`. */
export function sharedBank(files: ModelFiles, layer: number, options: MlpBankOptions): Bank {
  return withWeights(files, tappedShared(files, layer, options), options);
}

function withWeights(files: ModelFiles, { bank, names }: TappedMlp, { layernorm }: MlpBankOptions): Bank {
  const { width, experts = [names] } = names;
  return {
    ...bank,
    async weights() {
      const read = tensorReader(files);
      const norm = layernorm === 'folded' ? await readNorm(read, names.norm!) : null;
      const gated = names.gate !== null;
      const rowLength = gated ? 2 * width + 2 : width;
      const rows = new Float32Array(new SharedArrayBuffer(4 * rowLength * bank.units));
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
