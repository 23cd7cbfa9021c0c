import { gateActivations } from '../embed/gate-activation.ts';
import { PolysemeError } from '../errors.ts';
import type { NeuronMatrix } from '../model/architectures/architecture.ts';
import { type ModelFiles, mlpNamesOf, sitesOf } from '../model/compile.ts';
import type { ModelImages } from '../model/image-input.ts';
import type { Model } from '../model/load-model.ts';
import type { TapInput } from '../model/taps.ts';
import { DTYPE_BYTES, readTensor, type TensorRef } from '../tensors/safetensors.ts';

/** Tokens that a model is checked on, and neurons of each layer that is looked at. */
const TOKENS = 4;
const NEURONS = 8;
/** Largest error of float32 sums, relative to the sum of their parts' sizes. */
const TOLERANCE = 2e-4;
/** The same of an ONNX file that computes in half precision; the halves of a checkpoint are cast to float first. */
const HALF_TOLERANCE = 5e-3;

const MLP = ['mlp.hook_in', 'mlp.hook_pre', 'mlp.hook_pre_linear', 'mlp.hook_post'];
const STREAM = ['hook_resid_pre', 'hook_attn_out', 'hook_resid_mid', 'hook_mlp_out', 'hook_resid_post'];

/** Values of a site at one position. */
type At = (site: string) => Float32Array;

/**
 * Checks a model on a few tokens: see `checkInvariants`.
 *
 * @throws PolysemeError (damaged) naming the layer and the site
 */
export async function checkModel(model: Model): Promise<void> {
  const { files } = model;
  const context = model.images === null ? fewTokens(model) : someImage(model.images);
  const { tokens } = context;
  const open = model.openTaps(checkedSites(files));
  try {
    for await (const { taps } of open.stream([context])) {
      const values = new Map(Object.entries(taps).map(([site, { data }]) => [site, data]));
      await checkInvariants(files, values, tokens.length);
    }
  } finally {
    await open.close();
  }
}

function fewTokens({ config }: Model): TapInput {
  const count = Math.min(TOKENS, config.contextLength);
  return {
    tokens: Int32Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * config.vocabulary) / count)),
  };
}

/** An image that is nowhere the same. */
function someImage({ positions, preprocessing: { channels }, height, width }: ModelImages): TapInput {
  const data = Float32Array.from({ length: channels * height * width }, (_, i) => Math.sin(1 + 0.37 * i));
  return {
    tokens: Int32Array.from({ length: positions }, (_, position) => position),
    pixels: { data, shape: [channels, height, width] },
  };
}

/** The sites that are looked at: of the first, middle and last layer, those that the model has. */
export function checkedSites(files: ModelFiles): string[] {
  const sites = sitesOf(files);
  return layersOf(files)
    .flatMap((layer) => [...MLP, ...STREAM].map((name) => `blocks.${layer}.${name}`))
    .filter((site) => sites.has(site));
}

/**
 * What holds in every model: W_in·h + b of some neurons is their pre-activation, the activation function gives their
 * activation, and the stream after attention and MLP is the stream before with what they add. A checkpoint whose weights are
 * not what its names say would give wrong embeddings silently.
 *
 * @param values of `checkedSites`: positions × width, row-major
 * @throws PolysemeError (damaged) naming the layer and the site
 */
export async function checkInvariants(
  files: ModelFiles,
  values: ReadonlyMap<string, Float32Array>,
  positions: number,
): Promise<void> {
  for (const layer of layersOf(files)) await checkLayer(files, layer, values, positions);
}

function layersOf({ model: { layers } }: ModelFiles): number[] {
  return [...new Set([0, layers >> 1, layers - 1])];
}

async function checkLayer(
  files: ModelFiles,
  layer: number,
  values: ReadonlyMap<string, Float32Array>,
  positions: number,
): Promise<void> {
  const at = (name: string) => values.get(`blocks.${layer}.${name}`);
  const fail = (name: string, what: string): never => {
    throw new PolysemeError(
      `${files.dir}: layer ${layer}: blocks.${layer}.${name} is not ${what}: the weights are not what the model's ` +
        'architecture takes them for',
      'damaged',
    );
  };
  const [h, pre, linear, post] = MLP.map(at);
  const { up, gate, width, units, activation, experts } = mlpNamesOf(files, layer);
  const near = nearBy(isHalf(files, up) ? HALF_TOLERANCE : TOLERANCE);
  const neurons = [...new Set(Array.from({ length: NEURONS }, (_, i) => Math.floor((i * units) / NEURONS)))];
  const matrices = [
    { matrix: gate ?? up, site: 'mlp.hook_pre' },
    ...(gate === null ? [] : [{ matrix: up, site: 'mlp.hook_pre_linear' }]),
  ].filter(({ site }) => h !== undefined && at(site) !== undefined);
  const rowsOf = await Promise.all(matrices.map(({ matrix }) => neuronRows(files, matrix, neurons, width)));
  for (let position = 0; position < positions; position++) {
    const row: At = (name) => {
      const all = at(name)!;
      const wide = all.length / positions;
      return all.subarray(position * wide, (position + 1) * wide);
    };
    for (const [m, { site }] of matrices.entries()) {
      const input = row('mlp.hook_in');
      rowsOf[m]!.forEach(({ weights, bias }, i) => {
        let [sum, size] = [bias, Math.abs(bias)];
        for (let k = 0; k < width; k++) {
          sum += weights[k]! * input[k]!;
          size += Math.abs(weights[k]! * input[k]!);
        }
        if (!near(row(site)[neurons[i]!]!, sum, size)) fail(site, 'W·h + b of its neurons');
      });
    }
    if (pre !== undefined && post !== undefined) {
      for (const neuron of neurons) {
        // Those of an expert that is not taken here.
        if (experts !== undefined && row('mlp.hook_post')[neuron] === 0) continue;
        const { value } = gateActivations[activation](row('mlp.hook_pre')[neuron]!);
        const factor = linear === undefined ? 1 : row('mlp.hook_pre_linear')[neuron]!;
        if (!near(row('mlp.hook_post')[neuron]!, value * factor, Math.abs(value * factor))) {
          fail('mlp.hook_post', `the ${activation} of its pre-activations`);
        }
      }
    }
    checkStream(row, (name) => at(name) !== undefined, near, fail);
  }
}

/** The stream after a part is the stream before it with what the part adds; with a norm after each part, the MLP's own input. */
function checkStream(
  row: At,
  has: (name: string) => boolean,
  near: Near,
  fail: (name: string, what: string) => never,
): void {
  const sums: readonly (readonly [string, readonly (readonly string[])[]])[] = [
    ['hook_resid_mid', [['hook_resid_pre', 'hook_attn_out']]],
    [
      'hook_resid_post',
      has('hook_resid_mid')
        ? [
            ['hook_resid_mid', 'hook_mlp_out'],
            ['mlp.hook_in', 'hook_mlp_out'],
          ]
        : [['hook_resid_pre', 'hook_attn_out', 'hook_mlp_out']],
    ],
  ];
  for (const [site, ways] of sums) {
    const possible = ways.filter((parts) => parts.every(has));
    if (!has(site) || possible.length === 0) continue;
    const isSum = (parts: readonly string[]): boolean => {
      const values = parts.map(row);
      return row(site).every((value, k) => {
        const added = values.map((part) => part[k]!);
        return near(
          value,
          added.reduce((sum, part) => sum + part, 0),
          added.reduce((sum, part) => sum + Math.abs(part), 0),
        );
      });
    };
    if (!possible.some(isSum)) fail(site, `the sum of ${possible[0]!.join(' and ')}`);
  }
}

/** Whether a value is what it should be, of parts of so much size in all. */
type Near = (value: number, expected: number, size: number) => boolean;

function nearBy(tolerance: number): Near {
  return (value, expected, size) => Math.abs(value - expected) <= tolerance * Math.max(1, size);
}

function isHalf({ graph, named }: ModelFiles, { weight }: NeuronMatrix): boolean {
  return graph !== undefined && ['F16', 'BF16'].includes(named.get(weight)?.dtype ?? '');
}

/** Weights and bias of some neurons; of a matrix whose rows are neurons only these rows are read. */
async function neuronRows(
  { named, dir }: ModelFiles,
  { weight, bias, layout, first }: NeuronMatrix,
  neurons: readonly number[],
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
    neurons.map(async (neuron) => {
      const at = first + neuron;
      const weights =
        whole === null
          ? await read({ ...matrix, shape: [1, width], offset: matrix.offset + at * bytes, length: bytes })
          : Float32Array.from({ length: width }, (_, k) => whole[(k * whole.length) / width + at]!);
      return { weights, bias: biases?.[at] ?? 0 };
    }),
  );
}
