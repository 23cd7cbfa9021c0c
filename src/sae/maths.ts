import { PolysemeError } from '../errors.ts';
import { rowNorms, toRowMajor } from '../tensors/matrix.ts';
import type { SaeConfig } from './config.ts';
import type { SaeTensors } from './sae.ts';

/** An SAE's config and weights: a `Sae`, or the two by themselves. */
export interface SaeParts {
  readonly config: SaeConfig;
  readonly tensors: SaeTensors;
}

/** Added to the standard deviation by `layer_norm`. */
const EPSILON = 1e-5;
/** Least decoder norm that latents are divided by. */
const MIN_NORM = 1e-8;

/**
 * h, the input exactly as an SAE's encoder sees it: normalised, less b_dec where the config says so.
 * Plain JavaScript in double precision, for a few vectors anywhere; `Sae.latentInputs` is the fast way in Node.
 *
 * @param inputs n × dIn, row-major
 * @returns n × dIn, row-major
 * @throws PolysemeError when `inputs` is not a whole number of vectors
 * @example
 * const config = saeConfig({ architecture: 'standard', dIn: 2, dSae: 2 });
 * const identity = rowMajor(Float32Array.of(1, 0, 0, 1), 2, 2);
 * const tensors = { W_enc: identity, b_enc: new Float32Array(2), W_dec: identity, b_dec: Float32Array.of(1, 1) };
 * console.log([...saeInputs({ config, tensors }, Float32Array.of(3, 4))]); // [2, 3]
 */
export function saeInputs({ config, tensors }: SaeParts, inputs: Float32Array): Float32Array {
  const { dIn } = config;
  const rows = countRows('saeInputs', inputs, dIn, 'inputs');
  const out = new Float32Array(inputs.length);
  for (let row = 0; row < rows; row++) {
    const { mean, divisor } = normalisation(config, inputs.subarray(row * dIn, (row + 1) * dIn));
    for (let i = row * dIn, k = 0; k < dIn; i++, k++) {
      out[i] = (inputs[i]! - mean) / divisor - (config.applyBDecToInput ? tensors.b_dec[k]! : 0);
    }
  }
  return out;
}

/**
 * Latents of inputs, for each architecture of `SaeConfig` (its formulas stand there).
 * Plain JavaScript in double precision, for a few vectors anywhere; `Sae.encode` is the fast way in Node.
 *
 * @param inputs n × dIn, row-major
 * @returns n × dSae, row-major
 * @throws PolysemeError when `inputs` is not a whole number of vectors
 * @example
 * const config = saeConfig({ architecture: 'topk', dIn: 2, dSae: 3, k: 1 });
 * const tensors = {
 *   W_enc: rowMajor(Float32Array.of(1, 0, -1, 0, 1, -1), 2, 3),
 *   b_enc: new Float32Array(3),
 *   W_dec: rowMajor(Float32Array.of(1, 0, 0, 1, -0.5, -0.5), 3, 2),
 *   b_dec: new Float32Array(2),
 * };
 * console.log([...saeEncode({ config, tensors }, Float32Array.of(2, 3))]); // [0, 3, 0]
 */
export function saeEncode(sae: SaeParts, inputs: Float32Array): Float32Array {
  const { config, tensors } = sae;
  const { dIn, dSae } = config;
  const rows = countRows('saeEncode', inputs, dIn, 'inputs');
  const h = saeInputs(sae, inputs);
  const encoder = toRowMajor(tensors.W_enc).data;
  const norms = config.rescaleActsByDecoderNorm ? rowNorms(tensors.W_dec) : null;
  const latents = new Float32Array(rows * dSae);
  const pre = new Float64Array(dSae);
  for (let row = 0; row < rows; row++) {
    pre.fill(0);
    for (let i = 0; i < dIn; i++) {
      const value = h[row * dIn + i]!;
      for (let j = 0; j < dSae; j++) pre[j]! += value * encoder[i * dSae + j]!;
    }
    const out = latents.subarray(row * dSae, (row + 1) * dSae);
    if (config.architecture === 'gated') openGates(tensors, pre, out);
    else {
      for (let j = 0; j < dSae; j++) pre[j] = (pre[j]! + tensors.b_enc![j]!) * (norms?.[j] ?? 1);
      activate(sae, pre, out);
    }
  }
  return latents;
}

/**
 * Outputs of latents. Plain JavaScript in double precision, for a few vectors anywhere; `Sae.decode` is the fast way in
 * Node.
 *
 * @param latents n × dSae, row-major
 * @param inputs n × dIn: what the latents came from; needed by SAEs that undo a normalisation per input, or have W_skip
 * @returns n × dOut, row-major
 * @throws PolysemeError when the sizes do not fit, or `inputs` is needed and missing
 * @example
 * const config = saeConfig({ architecture: 'standard', dIn: 2, dSae: 2 });
 * const identity = rowMajor(Float32Array.of(1, 0, 0, 1), 2, 2);
 * const tensors = { W_enc: identity, b_enc: new Float32Array(2), W_dec: identity, b_dec: Float32Array.of(1, 1) };
 * console.log([...saeDecode({ config, tensors }, Float32Array.of(3, 4))]); // [4, 5]
 */
export function saeDecode(
  { config, tensors }: SaeParts,
  latents: Float32Array,
  inputs?: Float32Array,
): Float32Array {
  const { dIn, dSae, dOut } = config;
  const rows = countRows('saeDecode', latents, dSae, 'latents');
  const undoes =
    !config.transcoder && ['layer_norm', 'constant_norm_rescale'].includes(config.normalizeActivations);
  if ((undoes || tensors.W_skip !== undefined) && inputs === undefined) {
    throw new PolysemeError(
      'saeDecode: this SAE needs the inputs that the latents came from: pass them as inputs',
    );
  }
  if (inputs !== undefined && inputs.length !== rows * dIn) {
    throw new PolysemeError(
      `saeDecode: inputs holds ${inputs.length} values; ${rows} rows of ${dIn} are needed`,
    );
  }
  const decoder = toRowMajor(tensors.W_dec).data;
  const skip = tensors.W_skip === undefined ? null : toRowMajor(tensors.W_skip).data;
  const norms = config.rescaleActsByDecoderNorm ? rowNorms(tensors.W_dec) : null;
  const outputs = new Float32Array(rows * dOut);
  const sum = new Float64Array(dOut);
  for (let row = 0; row < rows; row++) {
    sum.set(tensors.b_dec);
    for (let j = 0; j < dSae; j++) {
      const latent = latents[row * dSae + j]! / Math.max(norms?.[j] ?? 1, MIN_NORM);
      if (latent === 0) continue;
      for (let o = 0; o < dOut; o++) sum[o]! += latent * decoder[j * dOut + o]!;
    }
    const input = inputs?.subarray(row * dIn, (row + 1) * dIn);
    if (undoes) {
      const { scale, mean } = normalisation(config, input!);
      for (let o = 0; o < dOut; o++) sum[o] = sum[o]! * scale + mean;
    }
    if (skip !== null) {
      for (let o = 0; o < dOut; o++) {
        for (let i = 0; i < dIn; i++) sum[o]! += skip[o * dIn + i]! * input![i]!;
      }
    }
    outputs.set(sum, row * dOut);
  }
  return outputs;
}

/**
 * The neuron-embedding loss of one latent for one input, 1 − cos(h̄ ⊙ w, h ⊙ w) ("Tackling Polysemanticity with Neuron
 * Embeddings", Foote 2024, equation 4), and its gradient by w; h and h̄ are constants. 0 where either embedding is 0.
 * L_N is the mean over a batch of its sum over the active latents.
 *
 * @param average h̄, the mean input that activated the latent so far: d values
 * @param input h, the input as the encoder sees it: d values
 * @param weights w, the latent's encoder column: d values
 * @returns loss in [0, 2], and gradient: d values
 * @throws PolysemeError when the three differ in length
 * @example
 * const [average, weights] = [Float32Array.of(1, 0), Float32Array.of(1, 1)];
 * console.log(embeddingLoss({ average, input: Float32Array.of(0, 2), weights }).loss); // 1
 */
export function embeddingLoss({
  average,
  input,
  weights,
}: {
  average: Float32Array;
  input: Float32Array;
  weights: Float32Array;
}): { loss: number; gradient: Float32Array } {
  const d = weights.length;
  if (average.length !== d || input.length !== d) {
    throw new PolysemeError(
      `embeddingLoss: average holds ${average.length} values, input ${input.length}, weights ${d}; they must be equal`,
    );
  }
  let [n, a, b] = [0, 0, 0];
  for (let k = 0; k < d; k++) {
    const square = weights[k]! ** 2;
    n += average[k]! * input[k]! * square;
    a += average[k]! ** 2 * square;
    b += input[k]! ** 2 * square;
  }
  const gradient = new Float32Array(d);
  if (a === 0 || b === 0) return { loss: 0, gradient };
  const root = Math.sqrt(a) * Math.sqrt(b);
  for (let k = 0; k < d; k++) {
    const [mean, value] = [average[k]!, input[k]!];
    gradient[k] = -((2 * weights[k]!) / root) * (mean * value - (n / 2) * (mean ** 2 / a + value ** 2 / b));
  }
  return { loss: Math.min(2, Math.max(0, 1 - n / root)), gradient };
}

function openGates({ b_gate, r_mag, b_mag }: SaeTensors, product: Float64Array, out: Float32Array): void {
  for (let j = 0; j < product.length; j++) {
    const open = product[j]! + b_gate![j]! > 0;
    out[j] = open ? Math.max(0, product[j]! * Math.exp(r_mag![j]!) + b_mag![j]!) : 0;
  }
}

function activate({ config, tensors }: SaeParts, pre: Float64Array, out: Float32Array): void {
  const { architecture, dSae } = config;
  const relu = (j: number): number => Math.max(0, pre[j]!);
  switch (architecture) {
    case 'jumprelu':
      for (let j = 0; j < dSae; j++) out[j] = pre[j]! > tensors.threshold![j]! ? relu(j) : 0;
      return;
    case 'topk':
      for (const j of largest(pre, config.k!, (value) => value)) out[j] = relu(j);
      return;
    case 'abstopk':
      for (const j of largest(pre, config.k!, Math.abs)) out[j] = pre[j]!;
      return;
    case 'groupmax': {
      const size = dSae / config.k!;
      for (let start = 0; start < dSae; start += size) {
        let best = start;
        for (let j = start; j < start + size; j++) if (pre[j]! > pre[best]!) best = j;
        out[best] = relu(best);
      }
      return;
    }
    default:
      for (let j = 0; j < dSae; j++) out[j] = relu(j);
  }
}

/** Indices of the k largest keys; of equal ones the first. */
function largest(values: Float64Array, k: number, key: (value: number) => number): number[] {
  return Array.from(values.keys())
    .sort((a, b) => key(values[b]!) - key(values[a]!) || a - b)
    .slice(0, k);
}

/** An input is normalised as (x − mean) / divisor, an output undone as y · scale + mean. */
function normalisation(
  { normalizeActivations, dIn }: SaeConfig,
  x: Float32Array,
): { mean: number; scale: number; divisor: number } {
  if (normalizeActivations === 'layer_norm') {
    const mean = x.reduce((sum, value) => sum + value, 0) / dIn;
    const scale = Math.sqrt(x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (dIn - 1));
    return { mean, scale, divisor: scale + EPSILON };
  }
  if (normalizeActivations === 'constant_norm_rescale') {
    const scale = Math.sqrt(x.reduce((sum, value) => sum + value ** 2, 0) / dIn);
    return { mean: 0, scale, divisor: scale === 0 ? 1 : scale };
  }
  return { mean: 0, scale: 1, divisor: 1 };
}

function countRows(caller: string, values: Float32Array, width: number, name: string): number {
  if (values.length % width === 0) return values.length / width;
  throw new PolysemeError(
    `${caller}: ${name} holds ${values.length} values, which is no multiple of the SAE's ${width}`,
  );
}
