import { gateActivations } from '../../embed/gate-activation.ts';
import { PolysemeError } from '../../errors.ts';
import { DTYPE_BYTES, readTensor, type TensorRef } from '../../tensors/safetensors.ts';
import type { MlpNames, NeuronMatrix } from '../architectures/architecture.ts';
import type { ModelFiles } from '../compile.ts';
import type { LayerValues, Sum } from './layer-values.ts';

/** Neurons, and numbers of the output, that are looked at. */
const SOME = 8;

type Matrices = Pick<MlpNames, 'up' | 'gate' | 'out'>;

/** One MLP: a layer's, an expert, or the expert that is taken everywhere. */
interface Part extends Matrices {
  /** `mlp`, `mlp.shared` */
  readonly at: string;
  /** Its number among experts. */
  readonly expert: number;
  readonly units: number;
}

/** Checks a layer's MLP: `experts` are its one MLP, or several; `shared` one more beside them. */
export async function checkMlp(
  files: ModelFiles,
  values: LayerValues,
  { width, units, activation }: Pick<MlpNames, 'width' | 'units' | 'activation'>,
  experts: readonly Matrices[],
  shared: MlpNames['shared'],
): Promise<void> {
  const parts: Part[] = [
    ...experts.map((matrices, expert) => ({ ...matrices, at: 'mlp', expert, units })),
    ...(shared === undefined ? [] : [{ ...shared, at: 'mlp.shared', expert: 0 }]),
  ];
  const first = [0, experts.length >> 1, experts.length - 1, experts.length];
  for (const part of [...new Set(first)].flatMap((i) => parts[i] ?? [])) {
    await checkNeurons(files, values, part, width);
    checkActivation(values, part, activation);
  }
  await checkOutput(files, values, parts);
}

/** W_in·h + b of some neurons is their pre-activation. */
async function checkNeurons(
  files: ModelFiles,
  values: LayerValues,
  { at, expert, units, up, gate }: Part,
  width: number,
): Promise<void> {
  const matrices = [
    { matrix: gate ?? up, site: `${at}.hook_pre` },
    ...(gate === null ? [] : [{ matrix: up, site: `${at}.hook_pre_linear` }]),
  ].filter(({ site }) => values.has('mlp.hook_in') && values.has(site));
  const neurons = spread(units);
  for (const { matrix, site } of matrices) {
    const rows = await someRows(files, matrix, neurons, width);
    for (let position = 0; position < values.positions; position++) {
      const input = values.row('mlp.hook_in', position);
      rows.forEach(({ weights, bias }, i) => {
        const value = values.row(site, position)[expert * units + neurons[i]!]!;
        values.check(site, 'W·h + b of its neurons', { value, ...product(weights, input, bias) }, matrix);
      });
    }
  }
}

/** The activation function makes activations of pre-activations. */
function checkActivation(
  values: LayerValues,
  { at, expert, units, up }: Part,
  activation: MlpNames['activation'],
): void {
  const [pre, linear, post, share] = ['pre', 'pre_linear', 'post', 'share'].map(
    (name) => `${at}.hook_${name}`,
  );
  if (!values.has(pre!) || !values.has(post!)) return;
  for (let position = 0; position < values.positions; position++) {
    // An expert that is not taken here.
    if (values.has(share!) && values.row(share!, position)[expert] === 0) continue;
    for (const neuron of spread(units).map((own) => expert * units + own)) {
      const factor = values.has(linear!) ? values.row(linear!, position)[neuron]! : 1;
      const expected = gateActivations[activation](values.row(pre!, position)[neuron]!).value * factor;
      const value = values.row(post!, position)[neuron]!;
      const what = `the ${activation} of its pre-activations`;
      values.check(post!, what, { value, expected, size: Math.abs(expected) }, up);
    }
  }
}

/** W_out·a + b is what the MLP gives; of experts, the sum of theirs by their weights. */
async function checkOutput(files: ModelFiles, values: LayerValues, parts: readonly Part[]): Promise<void> {
  const [{ out }] = parts as [Part, ...Part[]];
  if (out === null) return;
  const site = out.site ?? ['mlp.hook_out', 'hook_mlp_out'].find((name) => values.has(name));
  if (site === undefined || !values.has(site) || !values.has('mlp.hook_post')) return;
  const columns = spread(values.row(site, 0).length);
  const sums = Array.from({ length: values.positions }, () => columns.map(() => ({ expected: 0, size: 0 })));
  for (const { at, expert, units, out: own } of parts) {
    const shares = Array.from({ length: values.positions }, (_, position) =>
      values.has(`${at}.hook_share`) ? values.row(`${at}.hook_share`, position)[expert]! : 1,
    );
    if (shares.every((share) => share === 0)) continue;
    const rows = await someRows(files, { ...own!, first: 0 }, columns, units);
    sums.forEach((ofPosition, position) => {
      const active = values.row(`${at}.hook_post`, position).subarray(expert * units, (expert + 1) * units);
      rows.forEach(({ weights, bias }, i) => {
        const { expected, size } = product(weights, active, bias);
        ofPosition[i]!.expected += shares[position]! * expected;
        ofPosition[i]!.size += Math.abs(shares[position]!) * size;
      });
    });
  }
  sums.forEach((ofPosition, position) => {
    ofPosition.forEach((sum, i) => {
      const value = values.row(site, position)[columns[i]!]!;
      values.check(site, 'W·a + b of the activations', { value, ...sum }, { ...out, first: 0 });
    });
  });
}

// ----------------------------------------------------------------

/** Some of `count` numbers, from the first on. */
function spread(count: number): number[] {
  return [...new Set(Array.from({ length: SOME }, (_, i) => Math.floor((i * count) / SOME)))];
}

function product(weights: Float32Array, inputs: Float32Array, bias: number): Omit<Sum, 'value'> {
  let [expected, size] = [bias, Math.abs(bias)];
  for (let k = 0; k < weights.length; k++) {
    const part = weights[k]! * inputs[k]!;
    expected += part;
    size += Math.abs(part);
  }
  return { expected, size };
}

/** Weights and bias of some outputs of a matrix; where its rows are outputs only these rows are read. */
async function someRows(
  { named, dir }: ModelFiles,
  { weight, bias, layout, first }: NeuronMatrix,
  outputs: readonly number[],
  width: number,
): Promise<{ weights: Float32Array; bias: number }[]> {
  const find = (name: string): TensorRef => {
    const ref = named.get(name);
    if (ref === undefined)
      throw new PolysemeError(`${dir}: the checkpoint has no tensor ${name}`, 'not-found');
    return ref;
  };
  const read = (ref: TensorRef): Promise<Float32Array> =>
    readTensor({ tensors: new Map([[weight, ref]]) }, weight);
  const matrix = find(weight);
  const biases = bias === null ? null : await read(find(bias));
  const whole = layout === 'in_out' ? await read(matrix) : null;
  const bytes = DTYPE_BYTES[matrix.dtype] * width;
  return Promise.all(
    outputs.map(async (output) => {
      const at = first + output;
      const weights =
        whole === null
          ? await read({ ...matrix, shape: [1, width], offset: matrix.offset + at * bytes, length: bytes })
          : Float32Array.from({ length: width }, (_, k) => whole[(k * whole.length) / width + at]!);
      return { weights, bias: biases?.[at] ?? 0 };
    }),
  );
}
