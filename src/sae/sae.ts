import { PolysemeError } from '../errors.ts';
import { columnOf, type Matrix, toRowMajor } from '../tensors/matrix.ts';
import { normalizesPerInput, type SaeConfig } from './config.ts';
import { SaeRunner } from './runner.ts';

/** The weights of an SAE: matrices [dIn × dSae] and so on, in SAELens's names and orientation. */
export interface SaeTensors {
  /** dIn × dSae. */
  W_enc: Matrix;
  /** dSae × dOut. */
  W_dec: Matrix;
  /** dOut. */
  b_dec: Float32Array;
  /** dSae; every architecture but gated. */
  b_enc?: Float32Array;
  /** dSae; jumprelu. */
  threshold?: Float32Array;
  /** dSae; gated. */
  b_gate?: Float32Array;
  /** dSae; gated. */
  r_mag?: Float32Array;
  /** dSae; gated. */
  b_mag?: Float32Array;
  /** dOut × dIn: added to the output is W_skip·x, of the raw input. */
  W_skip?: Matrix;
}

const VECTORS = ['b_dec', 'b_enc', 'threshold', 'b_gate', 'r_mag', 'b_mag'] as const;

/**
 * A sparse autoencoder (or transcoder) in memory. Inputs and latents are row-major: n × dIn and n × dSae.
 *
 * @example
 * const config = saeConfig({ architecture: 'standard', dIn: 2, dSae: 3 });
 * const sae = new Sae(config, {
 *   W_enc: rowMajor(Float32Array.of(1, 0, -1, 0, 1, -1), 2, 3),
 *   b_enc: new Float32Array(3),
 *   W_dec: rowMajor(Float32Array.of(1, 0, 0, 1, -0.5, -0.5), 3, 2),
 *   b_dec: new Float32Array(2),
 * });
 * const latents = await sae.encode(Float32Array.of(2, 0));
 * console.log([...latents], [...(await sae.decode(latents))]); // [2, 0, 0] [2, 0]
 */
export class Sae {
  readonly config: SaeConfig;
  /**
   * To be read only: ONNX Runtime may map the same numbers from the file. To change weights, make a new Sae of
   * copies (`copyOf`).
   */
  readonly tensors: SaeTensors;
  /** Where it came from, for messages. */
  readonly label: string;
  /** What a reader of the file should know: assumptions made, weights changed. One line each. */
  readonly notes: readonly string[];
  readonly #runner = new SaeRunner(this);

  /** @throws PolysemeError where a tensor is missing, has another shape than the config says, or holds NaN */
  constructor(
    config: SaeConfig,
    tensors: SaeTensors,
    { label = 'SAE', notes = [] as readonly string[] } = {},
  ) {
    this.config = config;
    this.tensors = tensors;
    this.label = label;
    this.notes = notes;
    check(this);
  }

  /** Encoder weights, dIn × dSae row-major; put into that order the first time they are asked for. */
  get W_enc(): Float32Array {
    this.tensors.W_enc = toRowMajor(this.tensors.W_enc);
    return this.tensors.W_enc.data;
  }

  /** Decoder weights, dSae × dOut row-major; put into that order the first time they are asked for. */
  get W_dec(): Float32Array {
    this.tensors.W_dec = toRowMajor(this.tensors.W_dec);
    return this.tensors.W_dec.data;
  }

  /** Whether `decode` needs the inputs: to undo a normalisation per input, or for a skip connection. */
  get decodesWithInputs(): boolean {
    const { config, tensors } = this;
    return tensors.W_skip !== undefined || (!config.transcoder && normalizesPerInput(config));
  }

  /** Input weights w of latent `j`, a copy: its encoder column (any positive factor aside). */
  encoderColumn(j: number): Float32Array {
    if (!(Number.isInteger(j) && j >= 0 && j < this.config.dSae)) {
      throw new PolysemeError(`${this.label}: latent ${j} is not among its 0 … ${this.config.dSae - 1}`);
    }
    return columnOf(this.tensors.W_enc, j);
  }

  /** Latents of n inputs: n × dIn → n × dSae. */
  encode(inputs: Float32Array): Promise<Float32Array> {
    return this.#runner.encode(inputs);
  }

  /** h, the input exactly as the encoder sees it (normalised, less b_dec where it is applied): n × dIn → n × dIn. */
  latentInputs(inputs: Float32Array): Promise<Float32Array> {
    return this.#runner.latentInputs(inputs);
  }

  /**
   * Outputs of latents: n × dSae → n × dOut.
   * @param options.inputs the inputs that the latents came from (n × dIn): required by SAEs that undo a
   * normalisation per input (`layer_norm`, `constant_norm_rescale`) or have a skip connection
   */
  decode(latents: Float32Array, { inputs }: { inputs?: Float32Array } = {}): Promise<Float32Array> {
    return this.#runner.decode(latents, inputs);
  }

  /** Outputs of inputs, by way of the latents: n × dIn → n × dOut. */
  reconstruct(inputs: Float32Array): Promise<Float32Array> {
    return this.#runner.reconstruct(inputs);
  }

  /** Frees ONNX Runtime's sessions; they are made again when needed. */
  dispose(): Promise<void> {
    return this.#runner.dispose();
  }
}

function check({ config, tensors, label }: Sae): void {
  const { architecture, dIn, dSae, dOut, k } = config;
  const fail = (what: string): never => {
    throw new PolysemeError(`${label}: ${what}`);
  };
  const needed = [
    'W_enc',
    'W_dec',
    'b_dec',
    ...(architecture === 'gated' ? ['b_gate', 'r_mag', 'b_mag'] : ['b_enc']),
  ];
  if (architecture === 'jumprelu') needed.push('threshold');
  const there = Object.entries(tensors).flatMap(([name, tensor]) => (tensor === undefined ? [] : [name]));
  const missing = needed.filter((name) => !there.includes(name));
  if (missing.length > 0) {
    fail(`a ${architecture} SAE needs tensor ${missing.join(', ')}; there are ${there.join(', ')}`);
  }
  for (const [name, rows, cols] of [
    ['W_enc', dIn, dSae],
    ['W_dec', dSae, dOut],
    ['W_skip', dOut, dIn],
  ] as const) {
    const tensor = tensors[name];
    if (tensor === undefined) continue;
    if (tensor.rows !== rows || tensor.cols !== cols) {
      fail(
        `${name} is ${tensor.rows} × ${tensor.cols}; width ${dIn} and ${dSae} latents make it ${rows} × ${cols}`,
      );
    }
    finite(tensor.data, name, fail);
  }
  for (const name of VECTORS) {
    const tensor = tensors[name];
    if (tensor === undefined) continue;
    const size = name === 'b_dec' ? dOut : dSae;
    if (tensor.length !== size) fail(`${name} has ${tensor.length} numbers, not ${size}`);
    // A latent may be switched off by an infinite threshold.
    if (name === 'threshold' ? tensor.some(Number.isNaN) : !tensor.every(Number.isFinite)) {
      fail(`${name} holds NaN or infinity; the file is damaged or the training diverged`);
    }
  }
  if (['topk', 'abstopk', 'groupmax'].includes(architecture)) {
    if (k === null || !Number.isInteger(k) || k < 1 || k > dSae)
      fail(`k = ${k} is not a number of its ${dSae} latents`);
    if (architecture === 'groupmax' && dSae % k! !== 0)
      fail(`${dSae} latents do not divide into ${k} groups`);
  }
  if (!config.transcoder && dIn !== dOut)
    fail(`it reads width ${dIn} and writes ${dOut}, but is no transcoder`);
  if (config.applyBDecToInput && dIn !== dOut)
    fail(`b_dec of width ${dOut} cannot be taken from inputs of ${dIn}`);
}

/** A sum of v·0 is 0 unless one v is NaN or infinite: one pass, no branch an element. */
function finite(data: Float32Array, name: string, fail: (what: string) => never): void {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i]! * 0;
  if (sum === 0) return;
  const at = data.findIndex((value) => !Number.isFinite(value));
  fail(`${name} holds ${data[at]} (element ${at}); the file is damaged or the training diverged`);
}
