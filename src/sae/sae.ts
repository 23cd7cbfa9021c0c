import { PolysemeError } from '../errors.ts';
import { columnOf, toRowMajor } from '../tensors/matrix.ts';
import type { SaeConfig } from './config.ts';
import { SaeRunner } from './runner.ts';
import { checkSae, decodesWithInputs, type SaeTensors } from './sae-data.ts';

export type { SaeTensors } from './sae-data.ts';

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
    checkSae(this);
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
    return decodesWithInputs(this);
  }

  /** Input weights w of latent `j`, a copy: its encoder column (any positive factor aside). */
  encoderColumn(j: number): Float32Array {
    if (!(Number.isInteger(j) && j >= 0 && j < this.config.dSae)) {
      throw new PolysemeError(
        `${this.label}: latent ${j} is not among its 0 … ${this.config.dSae - 1}`,
        'not-found',
      );
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

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
