import { PolysemeError } from '../../errors.ts';
import type { BackendSession } from '../../model/backend.ts';
import { openBackend } from '../../model/open-backend.ts';
import { encodeModel } from '../../onnx/proto.ts';
import { wasm } from '../../wasm/generated/sae-scan.ts';
import { instantiate, type Kernel, reserve } from '../../wasm/instance.ts';
import { pairCost } from './dense-share.ts';
import { TILE_LATENTS, TILE_TOKENS } from './layout.ts';

/** What a thread does to its share of the latents: keep all pairs, or the k largest a token, or of the batch. */
export interface EncodeJob {
  readonly mode: 'all' | 'rows' | 'batch';
  readonly k: number;
  readonly tokens: number;
  /** Addresses in shared memory: inputs, encoder rows, biases, and thresholds (0: none). */
  readonly h: number;
  readonly encoder: number;
  readonly bEnc: number;
  readonly threshold: number;
  readonly bandwidth: number;
  /** All latents of the SAE; `list` (address, count): only these. */
  readonly latents: number;
  readonly list?: { readonly address: number; readonly count: number };
}

/** Pairs of consecutive tokens from `token` on: a count a token, and (value bits, latent) an entry. */
export interface Segment {
  readonly token: number;
  readonly latent: number;
  readonly counts: Uint32Array<ArrayBuffer>;
  readonly entries: Uint32Array<ArrayBuffer>;
}

interface ScanExports {
  scan(
    tile: number,
    rows: number,
    columns: number,
    bias: number,
    low: number,
    latent: number,
    counts: number,
    out: number,
  ): number;
  countActive(entries: number, count: number, low: number, latent: number, half: number): number;
  selectRows(
    tile: number,
    rows: number,
    columns: number,
    bias: number,
    low: number,
    latent: number,
    k: number,
    slots: number,
    state: number,
    keys: number,
    spare: number,
  ): void;
  finishRows(
    rows: number,
    k: number,
    slots: number,
    state: number,
    keys: number,
    counts: number,
    out: number,
  ): number;
  selectBatch(
    tile: number,
    rows: number,
    columns: number,
    bias: number,
    low: number,
    latent: number,
    token: number,
    latents: number,
    k: number,
    slots: number,
    state: number,
    keys: number,
    spare: number,
  ): void;
  finishBatch(
    tokens: number,
    latents: number,
    k: number,
    state: number,
    keys: number,
    counts: number,
    out: number,
  ): number;
}

/** The smallest positive float: an activation must be above 0. */
const TINY = 1.401298464324817e-45;

/**
 * The dense part of the step: pre-activations, tile by tile, in ONNX Runtime on one thread, scanned where they lie.
 * ONNX Runtime refuses shared memory, so a thread copies the inputs and its encoder rows to memory of its own.
 */
export class TileEncoder {
  readonly #kernel: Kernel<ScanExports>;
  readonly #session: BackendSession;
  readonly #stride: number;

  private constructor(session: BackendSession, stride: number) {
    this.#session = session;
    this.#stride = stride;
    this.#kernel = instantiate<ScanExports>(wasm);
  }

  static async create(stride: number): Promise<TileEncoder> {
    const model = encodeModel({
      nodes: [{ op: 'Gemm', domain: '', inputs: ['h', 'w'], outputs: ['pre'], attributes: { transB: 1 } }],
      initializers: [],
      inputs: [
        { name: 'h', type: 'float', shape: ['tokens', stride] },
        { name: 'w', type: 'float', shape: ['latents', stride] },
      ],
      outputs: [{ name: 'pre', type: 'float', shape: ['tokens', 'latents'] }],
    });
    const backend = await openBackend();
    const session = await backend.open({ bytes: model }, { threads: 1 });
    return new TileEncoder(session, stride);
  }

  /**
   * Encodes the tiles of latents that `claim` hands out, counting up, until they are past the last latent. `isTooMany`
   * is told what the pairs of a tile of mode `all` cost (`pairCost`): where it says so, nothing is found.
   */
  async run(
    job: EncodeJob,
    shared: SharedArrayBuffer,
    claim: () => number,
    isTooMany: (cost: number) => boolean,
  ): Promise<Segment[]> {
    const stride = this.#stride;
    const { tokens, mode, k } = job;
    const rows = Math.min(tokens, TILE_TOKENS);
    const wanted = Math.ceil(k * (mode === 'batch' ? tokens : 1));
    const slots = mode === 'batch' ? 2 * wanted + 65_536 : 2 * wanted + 64;
    const spare = TILE_LATENTS;
    const outLength =
      mode === 'all' ? rows * TILE_LATENTS : mode === 'rows' ? tokens * wanted + spare : wanted + spare;
    let end = 65_536;
    const take = (bytes: number) => {
      const address = end;
      end = Math.ceil((end + bytes) / 64) * 64;
      return address;
    };
    const h = take(tokens * stride * 4);
    const w = take(TILE_LATENTS * stride * 4);
    const bias = take(TILE_LATENTS * 4);
    const low = take(TILE_LATENTS * 4);
    const tile = take(rows * TILE_LATENTS * 4);
    const counts = take(tokens * 4);
    const state = take(mode === 'batch' ? 8 : tokens * 8);
    const keys = take(mode === 'all' ? 0 : mode === 'rows' ? tokens * slots * 8 : (slots + spare) * 8);
    const out = take(outLength * 8);
    const { memory, exports } = this.#kernel;
    try {
      reserve(memory, end);
    } catch {
      throw new PolysemeError(
        `SAE training: a batch of ${tokens} needs ${(end / 2 ** 30).toFixed(1)} GiB in each thread, more than there is: use a smaller batch`,
      );
    }
    const f32 = (address: number, length: number) =>
      new Float32Array(memory.buffer as ArrayBuffer, address, length);
    f32(h, tokens * stride).set(new Float32Array(shared, job.h, tokens * stride));
    const states = new Uint32Array(
      memory.buffer as ArrayBuffer,
      state,
      mode === 'batch' ? 2 : tokens * 2,
    ).fill(0);
    const floors = new Float32Array(states.buffer, state, states.length);
    for (let i = 1; i < states.length; i += 2) floors[i] = TINY;

    const segments: Segment[] = [];
    const emit = (token: number, count: number, latent: number, total: number) =>
      segments.push({
        token,
        latent,
        counts: new Uint32Array(memory.buffer as ArrayBuffer, counts, count).slice(),
        entries: new Uint32Array(memory.buffer as ArrayBuffer, out, total * 2).slice(),
      });

    const width = job.list?.count ?? job.latents;
    for (let part = claim(); part * TILE_LATENTS < width; part = claim()) {
      const first = part * TILE_LATENTS;
      const columns = this.#loadLatents(job, shared, first, Math.min(TILE_LATENTS, width - first), {
        w,
        bias,
        low,
      });
      for (let token = 0; token < tokens; token += rows) {
        const count = Math.min(rows, tokens - token);
        await this.#session.run(
          {
            h: { data: f32(h + token * stride * 4, count * stride), shape: [count, stride] },
            w: { data: f32(w, columns * stride), shape: [columns, stride] },
          },
          { pre: { data: f32(tile, count * columns), shape: [count, columns] } },
        );
        if (mode === 'all') {
          const total = exports.scan(tile, count, columns, bias, low, first, counts, out);
          const half = job.bandwidth / 2;
          const active = job.threshold === 0 ? total : exports.countActive(out, total, low, first, half);
          if (isTooMany(pairCost(total, active))) return [];
          emit(token, count, first, total);
        } else if (mode === 'rows') {
          exports.selectRows(
            tile,
            count,
            columns,
            bias,
            low,
            first,
            wanted,
            slots,
            state + token * 8,
            keys + token * slots * 8,
            out,
          );
        } else {
          exports.selectBatch(
            tile,
            count,
            columns,
            bias,
            low,
            first,
            token,
            width,
            wanted,
            slots,
            state,
            keys,
            out,
          );
        }
      }
    }
    if (mode === 'rows')
      emit(0, tokens, 0, exports.finishRows(tokens, wanted, slots, state, keys, counts, out));
    if (mode === 'batch')
      emit(0, tokens, 0, exports.finishBatch(tokens, width, wanted, state, keys, counts, out));
    return segments;
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  /** Copies a tile's encoder rows and bounds; returns its width, a multiple of 16: what is past the end never hits. */
  #loadLatents(
    job: EncodeJob,
    shared: SharedArrayBuffer,
    first: number,
    count: number,
    to: { w: number; bias: number; low: number },
  ): number {
    const stride = this.#stride;
    const buffer = this.#kernel.memory.buffer;
    const columns = Math.ceil(count / 16) * 16;
    const w = new Float32Array(buffer, to.w, columns * stride);
    const bias = new Float32Array(buffer, to.bias, columns).fill(0);
    const low = new Float32Array(buffer, to.low, columns).fill(Number.POSITIVE_INFINITY);
    const biases = new Float32Array(shared, job.bEnc, job.latents);
    const thresholds = job.threshold === 0 ? undefined : new Float32Array(shared, job.threshold, job.latents);
    const list = job.list && new Uint32Array(shared, job.list.address, job.list.count);
    if (list) {
      for (let i = 0; i < count; i++) {
        const address = job.encoder + list[first + i]! * stride * 4;
        w.set(new Float32Array(shared, address, stride), i * stride);
      }
    } else {
      w.set(new Float32Array(shared, job.encoder + first * stride * 4, count * stride));
    }
    w.fill(0, count * stride);
    for (let i = 0; i < count; i++) {
      const latent = list ? list[first + i]! : first + i;
      bias[i] = biases[latent]!;
      low[i] = thresholds ? thresholds[latent]! - job.bandwidth / 2 : TINY;
    }
    return columns;
  }
}
