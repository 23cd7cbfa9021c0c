import type { Layout, StateArray } from '../layout.ts';
import type { SaeTrainerSettings } from '../trainer-options.ts';
import type { Compute } from './compute.ts';
import { TILE } from './encode.ts';
import type { GpuParams } from './params.ts';

/** What lies on the GPU from step to step; the rest of a trainer's state is the host's. */
const ON_GPU = [
  'encoder',
  'encoderM',
  'encoderV',
  'decoder',
  'decoderM',
  'decoderV',
  'bEnc',
  'bEncM',
  'bEncV',
  'decoderNorm',
  'mean',
] as const satisfies readonly StateArray[];

/** A trainer's arrays on a GPU, and which of them are newer there than with the host. */
export class GpuState {
  readonly #compute: Compute;
  readonly #settings: SaeTrainerSettings;
  readonly #layout: Layout;
  #ahead: 'host' | 'gpu' | 'none' = 'host';

  constructor(compute: Compute, settings: SaeTrainerSettings, layout: Layout) {
    this.#compute = compute;
    this.#settings = settings;
    this.#layout = layout;
  }

  /** Whether the host's weights are those of the last step. */
  get isSettled(): boolean {
    return this.#ahead !== 'gpu';
  }

  /** The host's arrays were changed: the next step begins with them. */
  hostChanged(): void {
    this.#ahead = 'host';
  }

  /** Brings what is on the GPU to the host. */
  async settle(): Promise<void> {
    if (this.#ahead !== 'gpu') return;
    const wanted = ON_GPU.map((name) => [this.array(name), 4 * this.#layout.areas[name].length] as const);
    const found = await this.#compute.read(wanted);
    ON_GPU.forEach((name, i) => {
      this.#layout.state(name).set(new Float32Array(found[i]!));
    });
    this.#ahead = 'none';
  }

  /** Brings what the host has changed to the GPU. */
  upload(): void {
    if (this.#ahead !== 'host') return;
    for (const name of ON_GPU) this.#compute.upload(name, this.#layout.state(name) as Float32Array);
    this.#ahead = 'none';
  }

  /** The GPU's arrays are about to be changed. */
  gpuChanges(): void {
    this.#ahead = 'gpu';
  }

  /** The inputs of a batch, rows padded to whole tiles; what is to be reconstructed; b_dec and the dead. */
  uploadInputs(tokens: number): void {
    const layout = this.#layout;
    const compute = this.#compute;
    const { stride } = layout;
    const length = tokens * stride;
    const h = layout.f32(layout.get('h'), length);
    const bDec = layout.state('bDec') as Float32Array;
    compute.buffer('h', paddedTokens(tokens) * stride * 4);
    compute.upload('h', h);
    compute.upload('bDec', bDec);
    const targets = this.#settings.applyBDecToInput
      ? h
      : layout.f32(layout.get('x'), length).map((value, i) => value - bDec[i % stride]!);
    compute.upload('targets', targets);
    const { deadAfter } = this.#settings;
    compute.upload(
      'mask',
      Uint32Array.from(layout.state('idle'), (idle) => (idle >= deadAfter ? 1 : 0)),
    );
  }

  params(tokens: number): GpuParams {
    const layout = this.#layout;
    const { latents, k, applyBDecToInput, measureResidual } = this.#settings;
    const adamOf = (name: 'stepSize' | 'invRootV' | 'epsilon' | 'takeM' | 'keepV' | 'takeV') =>
      layout.get(name);
    return {
      stride: layout.stride,
      latents,
      tokens,
      k,
      centred: applyBDecToInput ? 1 : 0,
      masked: 0,
      aligned: measureResidual ? 1 : 0,
      adds: 0,
      targetSign: 1,
      errorFactor: 2 * layout.get('invTokens'),
      embeddingWeight: layout.get('embeddingWeight'),
      residualWeight: layout.get('residualWeight'),
      stepSize: adamOf('stepSize'),
      invRootV: adamOf('invRootV'),
      epsilon: adamOf('epsilon'),
      takeM: adamOf('takeM'),
      keepV: adamOf('keepV'),
      takeV: adamOf('takeV'),
    };
  }

  /** The buffers of the pairs of a kind, of `k` entries a token. */
  pairs(name: string, k: number, { tokens, stride }: { tokens: number; stride: number }) {
    const compute = this.#compute;
    const bytes = tokens * k * 8;
    return {
      k,
      bytes,
      entries: compute.buffer(`${name}entries`, bytes),
      dz: compute.buffer(`${name}dz`, bytes / 2),
      errors: compute.buffer(`${name}errors`, k === 0 ? 0 : tokens * stride * 4),
    };
  }

  array(name: (typeof ON_GPU)[number]): GPUBuffer {
    return this.#compute.buffer(name, 4 * this.#layout.areas[name].length);
  }
}

/** Tokens in whole tiles. */
export function paddedTokens(tokens: number): number {
  return Math.ceil(tokens / TILE) * TILE;
}
