import { PolysemeError } from '../../errors.ts';
import { WITHOUT_DIRECTION } from '../../wasm/generated/sae/places.ts';
import { wasm } from '../../wasm/generated/sae.ts';
import { instantiate } from '../../wasm/instance.ts';
import type { Sae } from '../sae.ts';
import { saveSae } from '../save.ts';
import { toRows } from './arrays.ts';
import { DENSE_SHARE } from './dense-share.ts';
import { centre, initialise, sqrtDScale } from './initial.ts';
import { Layout } from './layout.ts';
import { Pool } from './pool.ts';
import { resample } from './resample.ts';
import type { SaeKernel } from './sae-kernel.ts';
import { readState, type SaeTrainerState, writeState } from './state.ts';
import { performStep, SaeDivergence, type SaeStep } from './step.ts';
import type { StepContext } from './step-context.ts';
import { type SaeMetadata, toSae } from './to-sae.ts';
import {
  resolveOptions,
  resolveThreads,
  type SaeTrainerOptions,
  type SaeTrainerSettings,
  type SaeWeights,
} from './trainer-options.ts';
import { readGradients, readWeights } from './weights.ts';

/**
 * Trains a sparse autoencoder on vectors, by exact gradients on active pairs (token, latent).
 * Threads and memory are held until `close`.
 *
 * @throws PolysemeError for an option that cannot be (its name, its value, what it must be)
 *
 * @example
 * const [width, latents] = [16, 64];
 * const trainer = await createSaeTrainer({ architecture: 'topk', width, latents, k: 4, embeddingWeight: 0.1, learningRate: 1e-3 });
 * for (let step = 0; step < 3; step++) {
 *   const batch = Float32Array.from({ length: 32 * width }, (_, i) => Math.sin(i * i + step));
 *   const { loss, l0, embedding } = await trainer.step(batch);
 *   console.log(loss, l0, embedding);
 * }
 * await trainer.save('trained-sae');
 * await trainer.close();
 */
export async function createSaeTrainer(options: SaeTrainerOptions): Promise<SaeTrainer> {
  if (options.device === 'webgpu') await proveGpuTraining(options);
  return SaeTrainer.create(options, false);
}

/**
 * That a GPU can train with these options, and does as the processor in a small training.
 *
 * @throws PolysemeError where it cannot or computes wrong values (unsupported), or there is none (not-found)
 */
export async function proveGpuTraining(options: SaeTrainerOptions): Promise<void> {
  const [{ refuseOthers }, { proveGpu }] = await Promise.all([
    import('./gpu/refuse-others.ts'),
    import('./gpu/prove.ts'),
  ]);
  refuseOthers(resolveOptions(options));
  await proveGpu((small) => SaeTrainer.create(small, false));
}

export class SaeTrainer {
  readonly #context: StepContext;
  #failure: PolysemeError | undefined;
  #busy = false;

  private constructor(context: StepContext) {
    this.#context = context;
  }

  /**
   * @internal `keepGradients` leaves the gradients of the last step readable; a step is dense with more
   * than `denseShare` of all pairs active: 0 always, 1 never. `withoutDirection` puts ‖x − x̂‖² / ‖x‖² a pair in the place
   * of L_R, as a control for benchmarks; only on active pairs.
   */
  static async create(
    options: SaeTrainerOptions,
    keepGradients: boolean,
    denseShare = DENSE_SHARE,
    withoutDirection = false,
  ): Promise<SaeTrainer> {
    const settings = resolveOptions(options);
    // Of a GPU's step the processor's part is small.
    const threads = settings.device === 'cpu' ? resolveThreads(options.threads) : 1;
    const layout = new Layout(settings, threads, keepGradients || settings.clipNorm > 0);
    const kernel = instantiate<SaeKernel>(wasm, layout.memory).exports;
    if (withoutDirection) layout.set('align', WITHOUT_DIRECTION);
    initialise(layout, settings, options.initial);
    kernel.normaliseAll(layout.params);
    const counters = { step: 0, inputScale: 0, threshold: 0, firstError: 0 };
    const gpu =
      settings.device === 'cpu'
        ? null
        : await (await import('./gpu/gpu-step.ts')).GpuStep.create(settings, layout);
    const pool = await Pool.start(layout, layout.stride);
    return new SaeTrainer({ settings, layout, pool, kernel, counters, denseShare, gpu });
  }

  /** Its options, with every default filled in. */
  get settings(): Readonly<SaeTrainerSettings> {
    return this.#context.settings;
  }

  /** Steps done. */
  get steps(): number {
    return this.#context.counters.step;
  }

  /**
   * One step on a batch of vectors, n × width. Nothing is changed by a batch that is refused, and another can follow.
   *
   * @throws PolysemeError for a batch of a wrong length, that is not finite or needs too much memory; and where training
   *   diverges: then every further step is refused until `restore`
   */
  async step(batch: Float32Array): Promise<SaeStep> {
    const { layout, settings, kernel, counters } = this.#context;
    const tokens = this.#checkBatch(batch);
    return this.#alone(async () => {
      layout.setBatch(tokens);
      toRows(layout, batch, settings.width);
      const before = { counters: { ...counters }, bDec: layout.state('bDec').slice() };
      const putBack = () => {
        Object.assign(counters, before.counters);
        layout.state('bDec').set(before.bDec);
      };
      if (counters.step === 0) this.#lookAtFirstBatch(batch);
      let updating = false;
      const result = await performStep(this.#context, tokens, () => {
        updating = true;
      }).catch((error: unknown) => {
        if (!updating) putBack();
        if (updating || error instanceof SaeDivergence) this.#failure = asFailure(error, updating);
        throw this.#failure ?? error;
      });
      if ('badRow' in result) {
        putBack();
        throw this.#notFinite(batch, result.badRow);
      }
      if (settings.resampleEvery > 0 && counters.step % settings.resampleEvery === 0) {
        resample(layout, kernel, settings, counters.step);
      }
      return result;
    });
  }

  /** Brings the weights from a GPU, so that `weights`, `sae` and `state` can be asked for; elsewhere they are there. */
  async settle(): Promise<void> {
    await this.#alone(async () => this.#context.gpu?.state.settle());
  }

  /** The SAE as it is now, for unscaled inputs: an input scale is folded in. */
  weights(): SaeWeights {
    const { layout, settings, counters } = this.#settled();
    return readWeights(layout, settings, counters);
  }

  /**
   * The SAE as it is now, to be run, evaluated or saved in any format; batchtopk and matryoshka become the jumprelu
   * SAE that they are at inference. `metadata` goes into its config (model_name, hook_name, …).
   */
  sae(metadata: SaeMetadata = {}, label?: string): Sae {
    return toSae(this.settings, this.weights(), metadata, label);
  }

  /** Writes `sae_weights.safetensors` and `cfg.json` to `dir`, in SAELens's format: `saveSae` of `sae(metadata)`. */
  async save(dir: string, metadata: SaeMetadata = {}): Promise<void> {
    await this.settle();
    await saveSae(this.sae(metadata, dir), dir);
  }

  /** A copy of all that training needs to go on to the bit: weights, moments, averages, counters. */
  state(): SaeTrainerState {
    const { layout, settings, counters } = this.#settled();
    return readState(layout, settings, counters);
  }

  /**
   * Goes on from a state, also after divergence.
   *
   * @throws PolysemeError where it is of a trainer with other options (threads may differ)
   */
  restore(state: SaeTrainerState): void {
    this.#idle();
    const { layout, settings, counters } = this.#context;
    Object.assign(counters, writeState(layout, settings, state));
    this.#context.gpu?.state.hostChanged();
    this.#failure = undefined;
  }

  /** Ends the threads; the trainer takes no further step. */
  async close(): Promise<void> {
    if (this.#failure === CLOSED) return;
    const { pool, gpu } = this.#context;
    await this.#alone(() => pool.close());
    gpu?.close();
    this.#failure = CLOSED;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @internal The gradients of the last step, in the shapes of `weights`; only where they are kept. */
  gradients(): SaeWeights {
    return readGradients(this.#context.layout, this.#context.settings);
  }

  #settled(): StepContext {
    if (this.#context.gpu?.state.isSettled ?? true) return this.#context;
    throw new PolysemeError('SAE training: the weights are on the GPU: await settle() first', 'busy');
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    this.#idle();
    this.#busy = true;
    try {
      return await work();
    } finally {
      this.#busy = false;
    }
  }

  #idle(): void {
    if (this.#busy)
      throw new PolysemeError('SAE training: a step is still running: await it before the next call', 'busy');
  }

  #checkBatch(batch: Float32Array): number {
    if (this.#failure) throw this.#failure;
    const { width, latents } = this.#context.settings;
    const tokens = batch.length / width;
    if (tokens === 0 || !Number.isInteger(tokens)) {
      throw new PolysemeError(
        `SAE training: a batch of ${batch.length} numbers is no whole number of vectors of ${width}`,
      );
    }
    // Pairs are numbered in 32 bits.
    if (tokens * latents > 2 ** 32 - 1) {
      throw new PolysemeError(
        `SAE training: a batch of ${tokens} vectors × ${latents} latents is more than 2³² pairs: use a smaller batch`,
      );
    }
    return tokens;
  }

  #notFinite(batch: Float32Array, row: number): PolysemeError {
    const { width } = this.#context.settings;
    const values = batch.subarray(row * width, (row + 1) * width);
    const column = values.findIndex((value) => !Number.isFinite(value));
    const what = column < 0 ? 'too large a vector' : `${values[column]}`;
    return new PolysemeError(
      `SAE training: step ${this.steps + 1}: the batch holds ${what} in row ${row}${column < 0 ? '' : `, column ${column}`}: look where these activations come from`,
    );
  }

  #lookAtFirstBatch(batch: Float32Array): void {
    const { layout, settings, counters } = this.#context;
    const { width, inputScale, decoderBias } = settings;
    if (!batch.every(Number.isFinite)) return; // refused in a moment
    const scale = inputScale === 'sqrt-d' ? sqrtDScale(batch, width) : Math.fround(inputScale);
    counters.inputScale = scale;
    if (decoderBias === 'mean' || decoderBias === 'geometric-median') {
      layout.state('bDec').set(centre(batch, width, decoderBias).map((value) => value * scale));
    }
  }
}

/** What further steps are answered with. */
function asFailure(error: unknown, updating: boolean): PolysemeError {
  if (error instanceof SaeDivergence || !updating) return error as PolysemeError;
  const why = (error as Error).message.split('\n')[0];
  return new PolysemeError(
    `SAE training: a step stopped half-way (${why}), and the weights are lost: restore a state that was saved before`,
    'damaged',
  );
}

const CLOSED = new PolysemeError('SAE training: the trainer is closed');
