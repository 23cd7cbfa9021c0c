import { PolysemeError } from '../../errors.ts';
import { Pairs, Params } from '../../wasm/generated/sae/params.ts';
import { LATENT_BLOCK, PRODUCTS, PRODUCTS_BYTES } from '../../wasm/generated/sae/places.ts';
import { reserve } from '../../wasm/instance.ts';
import { isTopK, type SaeTrainerSettings } from './trainer-options.ts';

export type ParamField = keyof typeof Params.fields;
export type PairField = keyof typeof Pairs.fields;

/** Tokens that one call of a kernel works on, as LATENT_BLOCK latents: each block has its own sums, so their order is fixed. */
export const TOKEN_BLOCK = 64;
/** Tokens and latents of one matrix product: its output stays in cache until it is scanned. */
export const TILE_TOKENS = 1024;
export const TILE_LATENTS = 256;
/** Tokens of one matrix product of the dense step. */
export const DENSE_TOKENS = 512;
/** Everything that is carried from step to step, besides counters: what a checkpoint holds. */
// biome-ignore format: a list
export const STATE_ARRAYS = [
  'encoder', 'encoderM', 'encoderV', 'decoder', 'decoderM', 'decoderV', 'bDec', 'bDecM', 'bDecV',
  'bEnc', 'bEncM', 'bEncV', 'threshold', 'thresholdM', 'thresholdV', 'decoderNorm', 'mean', 'seen', 'idle', 'moved',
] as const;
export type StateArray = (typeof STATE_ARRAYS)[number];

/** A part of the shared memory: its address and its length in elements. */
export interface Area {
  readonly address: number;
  readonly length: number;
}

/** A field of a parameter block: a whole number or an address, or a float, of 4 bytes each. */
interface Field {
  readonly type: 'i32' | 'usize' | 'f32';
  readonly offset: number;
}

const PAGE = 65_536;
const LIMIT = 65_536 * PAGE;

/**
 * Lays the shared memory out: parameters and moments, then what depends on the batch size, then the
 * active pairs, whose number differs from step to step and which therefore come last.
 */
export class Layout {
  readonly memory: WebAssembly.Memory;
  readonly stride: number;
  /** Counter by which threads claim blocks. */
  readonly counter: number;
  /** The sum of what the pairs of all threads cost. */
  readonly pairCost: number;
  readonly params: number;
  readonly main: number;
  readonly aux: number;
  readonly areas: Record<StateArray, Area>;
  readonly bDecGradient: number;
  readonly scratch: readonly number[];
  readonly kept: { encoder: number; decoder: number; bEnc: number; threshold: number } | undefined;
  #next = PAGE;
  readonly #settings: SaeTrainerSettings;
  readonly #fixedEnd: number;
  #batchEnd = 0;
  #tokens = 0;
  #isLaidOut = false;

  constructor(settings: SaeTrainerSettings, threads: number, keepGradients: boolean) {
    this.#settings = settings;
    const { width, latents, measureEmbedding, architecture } = settings;
    const stride = Math.ceil(width / 8) * 8;
    this.stride = stride;
    this.memory = new WebAssembly.Memory({ initial: 2, maximum: 65_536, shared: true });
    this.counter = this.#take(4);
    this.pairCost = this.#take(4);
    this.params = this.#take(Params.bytes);
    this.main = this.#take(Pairs.bytes);
    this.aux = this.#take(Pairs.bytes);
    const rows = latents * stride;
    const gated = architecture === 'jumprelu' ? latents : 0;
    // biome-ignore format: a list
    const lengths: Record<StateArray, number> = {
      encoder: rows, encoderM: rows, encoderV: rows, decoder: rows, decoderM: rows, decoderV: rows,
      bDec: stride, bDecM: stride, bDecV: stride, bEnc: latents, bEncM: latents, bEncV: latents,
      threshold: gated, thresholdM: gated, thresholdV: gated, decoderNorm: latents,
      mean: measureEmbedding ? rows : 0, seen: latents, idle: latents, moved: latents,
    };
    const areas = {} as Record<StateArray, Area>;
    for (const name of STATE_ARRAYS) {
      areas[name] = { address: this.#take(lengths[name] * (name === 'seen' ? 8 : 4)), length: lengths[name] };
      if (name !== 'bDecM' && name !== 'bDecV') this.set(name, areas[name].address);
    }
    this.areas = areas;
    this.bDecGradient = this.#take(stride * 4);
    this.scratch = Array.from({ length: threads }, () => this.#take(PRODUCTS * stride * 4 + PRODUCTS_BYTES));
    this.set('gradientNorm', this.#take(latents * 8));
    this.set('latentEmbedding', this.#take(latents * 8));
    this.set('latentPairs', this.#take(latents * 4));
    this.set('blockEncoder', this.#take(Math.ceil(latents / LATENT_BLOCK) * stride * 4));
    this.setPair('main', 'colStart', this.#take((latents + 1) * 4));
    this.setPair('aux', 'colStart', this.#take((latents + 1) * 4));
    this.kept = keepGradients
      ? {
          encoder: this.#take(rows * 4),
          decoder: this.#take(rows * 4),
          bEnc: this.#take(latents * 4),
          threshold: this.#take(latents * 4),
        }
      : undefined;
    this.set('encoderGradient', this.kept?.encoder ?? 0);
    this.set('decoderGradient', this.kept?.decoder ?? 0);
    this.set('bEncGradient', this.kept?.bEnc ?? 0);
    this.set('thresholdGradient', this.kept?.threshold ?? 0);
    const { groupSizes } = settings;
    const groupEnd = this.#take(groupSizes.length * 4);
    const groupWeight = this.#take(groupSizes.length * 4);
    this.#reserve();
    let end = 0;
    this.u32(groupEnd, groupSizes.length).set(groupSizes.map((size) => (end += size)));
    this.f32(groupWeight, groupSizes.length).fill(1);
    this.set('groups', groupSizes.length);
    this.set('groupEnd', groupEnd);
    this.set('groupWeight', groupWeight);
    this.set('stride', stride);
    this.set('gated', architecture === 'jumprelu' ? 1 : 0);
    this.set('centred', settings.applyBDecToInput ? 1 : 0);
    this.set('unitNorm', settings.unitNormDecoder ? 1 : 0);
    this.set('embed', measureEmbedding ? 1 : 0);
    this.set('align', settings.measureResidual ? 1 : 0);
    this.set('auxWeight', settings.auxWeight);
    this.set('bandwidth', settings.bandwidth);
    this.set('meanDecay', settings.embeddingMean === 'running' ? -1 : settings.embeddingMean);
    this.set('latents', latents);
    this.#fixedEnd = this.#next;
  }

  /** Makes room for a batch of `tokens`; an earlier batch's arrays are lost. */
  setBatch(tokens: number): void {
    this.set('tokens', tokens);
    if (tokens === this.#tokens && this.#isLaidOut) return;
    this.#tokens = tokens;
    this.#isLaidOut = false;
    this.#next = this.#fixedEnd;
    const { groupSizes, applyBDecToInput, auxK, measureResidual, architecture } = this.#settings;
    const rows = tokens * this.stride * 4;
    const x = this.#take(rows);
    this.set('x', x);
    this.set('h', applyBDecToInput ? this.#take(rows) : x);
    this.setPair('main', 'errors', this.#take(rows * groupSizes.length));
    const keepsErrors = auxK > 0 || (measureResidual && !isTopK(architecture));
    this.setPair('aux', 'errors', keepsErrors ? this.#take(rows) : 0);
    this.set('tokenError', this.#take(tokens * 8 * groupSizes.length));
    for (const name of ['tokenSparsity', 'tokenEnergy', 'tokenAux', 'tokenAlignment'] as const)
      this.set(name, this.#take(tokens * 8));
    const blocks = Math.ceil(tokens / TOKEN_BLOCK);
    this.set('blockSum', this.#take(blocks * this.stride * 8));
    this.set('blockErrors', this.#take(blocks * this.stride * 4));
    for (const pairs of ['main', 'aux'] as const) {
      this.setPair(pairs, 'rowStart', this.#take(tokens * 4));
      this.setPair(pairs, 'rowCount', this.#take(tokens * 4));
    }
    this.#reserve();
    this.#batchEnd = this.#next;
    this.#isLaidOut = true;
  }

  /** Makes room for the entries of the batch's pairs. */
  setPairs(main: number, aux: number): void {
    this.#next = this.#batchEnd;
    for (const [pairs, count] of [
      ['main', main],
      ['aux', aux],
    ] as const) {
      this.setPair(pairs, 'entries', this.#take(count * 8, count));
      this.setPair(pairs, 'dz', this.#take(count * 4, count));
      this.setPair(pairs, 'columns', this.#take(count * 8, count));
    }
    this.#reserve();
  }

  set(field: ParamField, value: number): void {
    this.#store(this.params, Params.fields[field], value);
  }

  /** A field: its number, or its address. */
  get(field: ParamField): number {
    return this.#load(this.params, Params.fields[field]);
  }

  setPair(pairs: 'main' | 'aux', field: PairField, value: number): void {
    this.#store(this[pairs], Pairs.fields[field], value);
  }

  getPair(pairs: 'main' | 'aux', field: PairField): number {
    return this.#load(this[pairs], Pairs.fields[field]);
  }

  f32(address: number, length: number): Float32Array<SharedArrayBuffer> {
    return new Float32Array(this.#buffer(), address, length);
  }

  f64(address: number, length: number): Float64Array<SharedArrayBuffer> {
    return new Float64Array(this.#buffer(), address, length);
  }

  u32(address: number, length: number): Uint32Array<SharedArrayBuffer> {
    return new Uint32Array(this.#buffer(), address, length);
  }

  /** A view of what a checkpoint holds under `name`. */
  state(name: StateArray): Float32Array | Float64Array | Uint32Array {
    const { address, length } = this.areas[name];
    if (name === 'seen') return this.f64(address, length);
    return name === 'idle' || name === 'moved' ? this.u32(address, length) : this.f32(address, length);
  }

  #buffer(): SharedArrayBuffer {
    return this.memory.buffer as unknown as SharedArrayBuffer;
  }

  #store(block: number, { type, offset }: Field, value: number): void {
    if (type === 'f32') this.f32(block + offset, 1)[0] = value;
    else this.u32(block + offset, 1)[0] = value;
  }

  #load(block: number, { type, offset }: Field): number {
    return type === 'f32' ? this.f32(block + offset, 1)[0]! : this.u32(block + offset, 1)[0]!;
  }

  /** A place for `bytes`, aligned to 16; `#reserve` then makes the memory that long. Fresh memory is 0. */
  #take(bytes: number, pairs?: number): number {
    const address = this.#next;
    const end = Math.ceil((address + bytes) / 16) * 16;
    if (end > LIMIT) {
      const { width, latents } = this.#settings;
      throw new PolysemeError(
        pairs === undefined
          ? `SAE training: ${latents} latents of ${width} inputs with a batch of ${this.#tokens} need more than the 4 GiB of one trainer: use a smaller batch or fewer latents`
          : `SAE training: ${pairs} active pairs in a batch of ${this.#tokens} (${Math.round(pairs / this.#tokens)} a token) do not fit in the 4 GiB of one trainer: use a smaller batch, or more sparsity from the start`,
      );
    }
    this.#next = end;
    return address;
  }

  #reserve(): void {
    try {
      reserve(this.memory, this.#next);
    } catch {
      throw new PolysemeError(
        `SAE training: this machine does not give the ${(this.#next / 2 ** 30).toFixed(1)} GiB that this trainer needs: use a smaller batch or fewer latents`,
        'unsupported',
      );
    }
  }
}
