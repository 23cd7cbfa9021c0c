import { PolysemeError } from '../../errors.ts';
import type { BackendSession, Values } from '../../model/backend.ts';
import { openBackend } from '../../model/open-backend.ts';
import { encodeModel } from '../../onnx/proto.ts';
import {
  ACTIVATION,
  ACTIVE,
  ALONG,
  DECODER_GRADIENT,
  DISTANCE,
  DISTANCES,
  ENCODER_GRADIENT,
  INPUT_TERM,
  MEAN_TERM,
  MEAN_WEIGHT,
  OVER_A,
  PRE,
  SQUARE_WEIGHT,
  SUM_INPUT,
  SUMS,
  THRESHOLD,
} from '../../wasm/generated/sae/places.ts';
import { wasm } from '../../wasm/generated/sae-dense.ts';
import { instantiate, type Kernel, reserve } from '../../wasm/instance.ts';
import type { DenseExports, DenseJob, TileAddresses } from './dense-kernel.ts';
import { DENSE_TOKENS, TILE_LATENTS, TOKEN_BLOCK } from './layout.ts';
import type { SaeKernel } from './sae-kernel.ts';

/** Rows of a thread's shared scratch memory that each part of a latent's gradients is handed over in. */
const SCRATCH = {
  encoder: ENCODER_GRADIENT,
  decoder: DECODER_GRADIENT,
  mean: MEAN_TERM,
  input: INPUT_TERM,
  sumInput: SUM_INPUT,
  weighted: MEAN_WEIGHT,
  squares: SQUARE_WEIGHT,
};

type Product = 'a·bᵀ' | 'a·b + c' | 'aᵀ·b + c';

/**
 * The step where so many latents are active that whole matrix products are faster than work on active pairs: five
 * products (L_N adds five, L_R four) of ONNX Runtime a tile of latents, on one thread. Pre-activations are computed twice, so that
 * none but a tile is ever in memory. Tiles and their order are fixed, and with them every bit.
 */
export class DenseStep {
  readonly #kernel: Kernel<DenseExports>;
  readonly #products: Record<Product, BackendSession>;
  readonly #stride: number;
  readonly #shared: SaeKernel;
  readonly #memory: WebAssembly.Memory;

  private constructor(
    products: Record<Product, BackendSession>,
    stride: number,
    shared: SaeKernel,
    memory: WebAssembly.Memory,
  ) {
    this.#kernel = instantiate<DenseExports>(wasm);
    this.#products = products;
    this.#stride = stride;
    this.#shared = shared;
    this.#memory = memory;
  }

  /** `shared` is the thread's instance of kernels/sae over `memory`. */
  static async create(stride: number, shared: SaeKernel, memory: WebAssembly.Memory): Promise<DenseStep> {
    const backend = await openBackend();
    const product = (attributes: Record<string, number>, adds: boolean) => {
      const inputs = adds ? ['a', 'b', 'c'] : ['a', 'b'];
      const model = encodeModel({
        nodes: [{ op: 'Gemm', domain: '', inputs, outputs: ['y'], attributes }],
        initializers: [],
        inputs: inputs.map((name) => ({ name, type: 'float', shape: [`${name}0`, `${name}1`] })),
        outputs: [{ name: 'y', type: 'float', shape: ['y0', 'y1'] }],
      });
      return backend.open({ bytes: model }, { threads: 1 });
    };
    const products = {
      a·bᵀ: await product({ transB: 1 }, false),
      'a·b + c': await product({}, true),
      'aᵀ·b + c': await product({ transA: 1 }, true),
    };
    return new DenseStep(products, stride, shared, memory);
  }

  /** Reconstructs the blocks of tokens that `claim` hands out; writes errors, sparsity and counts of active latents. */
  async decode(job: DenseJob, params: number, claim: () => number): Promise<void> {
    const stride = this.#stride;
    const { tokens, latents } = job;
    const { take, f32 } = this.#room();
    const most = Math.min(tokens, DENSE_TOKENS);
    const h = take(most * stride * 4);
    const [w, v] = [take(TILE_LATENTS * stride * 4), take(TILE_LATENTS * stride * 4)];
    const tile = take(most * TILE_LATENTS * 4);
    const [bias, threshold, norm] = [0, 0, 0].map(() => take(TILE_LATENTS * 4)) as [number, number, number];
    let [sum, next] = [take(most * stride * 4), take(most * stride * 4)];
    const sparsity = take(most * 8);
    const counts = take(most * 4);
    const aligned = (bytes: number) => take(job.align ? most * bytes : 0);
    const [dots, plain, energy, alignment] = [4 * TILE_LATENTS, 4 * stride, 8, 16].map(aligned) as [
      number,
      number,
      number,
      number,
    ];
    const { exports, memory } = this.#reserve(take(0), tokens);
    for (let block = claim(); block * DENSE_TOKENS < tokens; block = claim()) {
      const first = block * DENSE_TOKENS;
      const rows = Math.min(DENSE_TOKENS, tokens - first);
      f32(h, rows * stride).set(this.#f32(job.h + first * stride * 4, rows * stride));
      f32(sum, rows * stride).fill(0);
      new Uint8Array(memory.buffer, sparsity, rows * 8).fill(0);
      new Uint8Array(memory.buffer, counts, rows * 4).fill(0);
      for (let latent = 0; latent < latents; latent += TILE_LATENTS) {
        const columns = this.#load(job, latent, f32, { w, v, bias, threshold, norm });
        await this.#multiply('a·bᵀ', [h, rows, stride], [w, columns, stride], tile);
        const gated = job.threshold === 0 ? 0 : 1;
        exports.activate(tile, rows, columns, bias, threshold, norm, gated, sparsity, counts);
        await this.#multiply('a·b + c', [tile, rows, columns], [v, columns, stride], next, sum);
        [sum, next] = [next, sum];
      }
      this.#f32(job.errors + first * stride * 4, rows * stride).set(f32(sum, rows * stride));
      const sums = new Float64Array(this.#memory.buffer, job.tokenSparsity + first * 8, rows);
      sums.set(new Float64Array(memory.buffer as ArrayBuffer, sparsity, rows));
      const rowCounts = new Uint32Array(this.#memory.buffer, job.rowCount + first * 4, rows);
      rowCounts.set(new Uint32Array(memory.buffer as ArrayBuffer, counts, rows));
      this.#shared.errorsOfDense(params, job.main, job.aux, first, first + rows);
      if (job.align) {
        const tiles = { w, v, bias, threshold, norm };
        await this.#align(job, first, rows, { h, tile, sum, next, dots, plain, energy, alignment, tiles });
      }
      for (let from = first; from < first + rows; from += TOKEN_BLOCK) {
        const to = Math.min(first + rows, from + TOKEN_BLOCK);
        this.#shared.sumErrors(params, job.main, from, to, from / TOKEN_BLOCK);
      }
    }
  }

  /** L_R of `rows` tokens from `first` on, and its gradient added to their errors; addresses are of private memory. */
  async #align(
    job: DenseJob,
    first: number,
    rows: number,
    at: {
      h: number;
      tile: number;
      sum: number;
      next: number;
      dots: number;
      plain: number;
      energy: number;
      alignment: number;
      tiles: TileAddresses;
    },
  ): Promise<void> {
    const stride = this.#stride;
    const { exports, memory } = this.#kernel;
    const { h, tile, dots, plain, energy, alignment, tiles } = at;
    let { sum, next } = at;
    const f32 = (address: number, length: number) =>
      new Float32Array(memory.buffer as ArrayBuffer, address, length);
    const f64 = (address: number, length: number) =>
      new Float64Array(memory.buffer as ArrayBuffer, address, length);
    const errors = this.#f32(job.errors + first * stride * 4, rows * stride);
    f32(plain, rows * stride).set(this.#f32(job.plainErrors + first * stride * 4, rows * stride));
    f64(energy, rows).set(new Float64Array(this.#memory.buffer, job.tokenError + first * 8, rows));
    f64(alignment, 2 * rows).fill(0);
    f32(sum, rows * stride).fill(0);
    for (let latent = 0; latent < job.latents; latent += TILE_LATENTS) {
      const columns = this.#load(job, latent, f32, tiles);
      const { w, v, bias, threshold, norm } = tiles;
      await this.#multiply('a·bᵀ', [h, rows, stride], [w, columns, stride], tile);
      await this.#multiply('a·bᵀ', [plain, rows, stride], [v, columns, stride], dots);
      const weight = job.residualWeight;
      exports.align(tile, dots, rows, columns, bias, threshold, norm, energy, weight, alignment);
      await this.#multiply('a·b + c', [dots, rows, columns], [v, columns, stride], next, sum);
      [sum, next] = [next, sum];
    }
    f32(next, rows * stride).set(errors);
    exports.addAlignment(next, sum, plain, rows, stride, alignment);
    errors.set(f32(next, rows * stride));
    const alignments = new Float64Array(this.#memory.buffer, job.tokenAlignment + first * 8, rows);
    const sums = f64(alignment, 2 * rows);
    for (let t = 0; t < rows; t++) alignments[t] = sums[2 * t]!;
  }

  /** Gradients, and Adam's update where they are not kept, of the tiles of latents that `claim` hands out; 1 where one is not finite. */
  async update(job: DenseJob, params: number, scratch: number, claim: () => number): Promise<number> {
    const stride = this.#stride;
    const { tokens, latents, embed, embeddingWeight } = job;
    const aligns = job.align && job.residualWeight > 0;
    const gated = job.threshold === 0 ? 0 : 1;
    const { take, f32 } = this.#room();
    const most = Math.min(tokens, DENSE_TOKENS);
    const rowsOf = (count: number) => take(count * stride * 4);
    const [h, errors, squares] = [rowsOf(tokens), rowsOf(tokens), rowsOf(embed ? tokens : 0)];
    const [w, v, u, q] = [
      rowsOf(TILE_LATENTS),
      rowsOf(TILE_LATENTS),
      rowsOf(embed ? TILE_LATENTS : 0),
      rowsOf(embed ? TILE_LATENTS : 0),
    ];
    const tileOf = (wanted: boolean) => take(wanted ? most * TILE_LATENTS * 4 : 0);
    const [z, dz, on, n, b] = [tileOf(true), tileOf(true), tileOf(true), tileOf(embed), tileOf(embed)];
    const [bias, threshold, norm] = [0, 0, 0].map(() => take(TILE_LATENTS * 4)) as [number, number, number];
    const energy = take(TILE_LATENTS * 8);
    const [plain, errorEnergy] = [rowsOf(aligns ? tokens : 0), take(aligns ? tokens * 8 : 0)];
    const decoderNorm = take(TILE_LATENTS * 4);
    const sums = take(SUMS * TILE_LATENTS * 8);
    const parts = {
      encoder: [rowsOf(TILE_LATENTS), rowsOf(TILE_LATENTS)],
      decoder: [rowsOf(TILE_LATENTS), rowsOf(TILE_LATENTS)],
      sumInput: embed ? [rowsOf(TILE_LATENTS), rowsOf(TILE_LATENTS)] : [],
      mean: embed && embeddingWeight > 0 ? [rowsOf(TILE_LATENTS), rowsOf(TILE_LATENTS)] : [],
      input: embed && embeddingWeight > 0 ? [rowsOf(TILE_LATENTS), rowsOf(TILE_LATENTS)] : [],
    };
    const { exports, memory } = this.#reserve(take(0), tokens);
    f32(h, tokens * stride).set(this.#f32(job.h, tokens * stride));
    f32(errors, tokens * stride).set(this.#f32(job.errors, tokens * stride));
    if (embed) exports.square(h, squares, tokens * stride);
    const f64 = (address: number, length: number) =>
      new Float64Array(memory.buffer as ArrayBuffer, address, length);
    if (aligns) {
      f32(plain, tokens * stride).set(this.#f32(job.plainErrors, tokens * stride));
      f64(errorEnergy, tokens).set(new Float64Array(this.#memory.buffer, job.tokenError, tokens));
    }

    let bad = 0;
    for (let part = claim(); part * TILE_LATENTS < latents; part = claim()) {
      const first = part * TILE_LATENTS;
      const columns = this.#load(job, first, f32, { w, v, bias, threshold, norm });
      const count = Math.min(TILE_LATENTS, latents - first);
      const weights = f32(norm, columns);
      f32(decoderNorm, columns).set(weights);
      for (let i = 0; i < columns; i++) weights[i]! *= gated ? 0 : job.sparsityWeight;
      f64(sums, SUMS * columns).fill(0);
      let seen = false;
      if (embed) {
        const energies = f64(energy, columns).fill(-1);
        f32(u, columns * stride).fill(0);
        f32(q, columns * stride).fill(0);
        for (let i = 0; i < count; i++) {
          energies[i] = this.#shared.meanOf(params, first + i, scratch);
          if (energies[i]! < 0) continue;
          seen = true;
          for (const [to, row] of [
            [u, SCRATCH.weighted],
            [q, SCRATCH.squares],
          ] as const) {
            f32(to + i * stride * 4, stride).set(this.#f32(scratch + row * stride * 4, stride));
          }
        }
      }
      for (const [now] of Object.values(parts)) if (now !== undefined) f32(now, columns * stride).fill(0);
      const gather = async (
        name: keyof typeof parts,
        tile: number,
        rows: number,
        inputs: number,
        token: number,
      ) => {
        const [now, next] = parts[name] as [number, number];
        const from = inputs + token * stride * 4;
        await this.#multiply('aᵀ·b + c', [tile, rows, columns], [from, rows, stride], next, now);
        parts[name] = [next, now];
      };
      for (let token = 0; token < tokens; token += DENSE_TOKENS) {
        const rows = Math.min(DENSE_TOKENS, tokens - token);
        const at = token * stride * 4;
        await this.#multiply('a·bᵀ', [h + at, rows, stride], [w, columns, stride], z);
        await this.#multiply('a·bᵀ', [errors + at, rows, stride], [v, columns, stride], dz);
        if (aligns) {
          // `on` is free until `gradients` writes it.
          await this.#multiply('a·bᵀ', [plain + at, rows, stride], [v, columns, stride], on);
          exports.alignActivations(
            z,
            on,
            dz,
            rows,
            columns,
            bias,
            threshold,
            decoderNorm,
            errorEnergy + token * 8,
            job.residualWeight,
            sums,
          );
        }
        exports.gradients(
          z,
          dz,
          on,
          rows,
          columns,
          bias,
          threshold,
          norm,
          gated,
          job.bandwidth,
          job.sparsityWeight,
          sums,
        );
        await gather('encoder', dz, rows, h, token);
        await gather('decoder', z, rows, errors, token);
        if (!embed) continue;
        await gather('sumInput', on, rows, h, token);
        if (!seen) continue;
        await this.#multiply('a·bᵀ', [h + at, rows, stride], [u, columns, stride], n);
        await this.#multiply('a·bᵀ', [squares + at, rows, stride], [q, columns, stride], b);
        exports.embed(n, b, on, rows, columns, energy, embeddingWeight, sums);
        if (embeddingWeight === 0) continue;
        await gather('mean', n, rows, h, token);
        await gather('input', b, rows, squares, token);
      }
      const total = f64(sums, SUMS * columns);
      for (let i = 0; i < count; i++) {
        const j = first + i;
        for (const [name, [now]] of Object.entries(parts)) {
          if (now === undefined) continue;
          const kept = name === 'encoder' || name === 'decoder' ? job.kept?.[name] : undefined;
          const to =
            kept === undefined
              ? scratch + SCRATCH[name as keyof typeof parts] * stride * 4
              : kept + j * stride * 4;
          this.#f32(to, stride).set(f32(now + i * stride * 4, stride));
        }
        const sum = (kind: number) => total[kind * columns + i]!;
        const gradE = job.kept ? job.kept.encoder + j * stride * 4 : scratch;
        const gradD = job.kept ? job.kept.decoder + j * stride * 4 : scratch + stride * 4;
        const keep = job.kept ? 1 : 0;
        bad |= this.#shared.finishDense(
          params,
          j,
          keep,
          gradE,
          gradD,
          scratch,
          sum(ACTIVATION),
          sum(PRE),
          sum(THRESHOLD),
          sum(ACTIVE),
          sum(DISTANCE),
          sum(DISTANCES),
          sum(OVER_A),
          sum(ALONG),
        );
      }
    }
    return bad;
  }

  async close(): Promise<void> {
    for (const session of Object.values(this.#products)) await session.close();
  }

  /** Copies a tile of latents; returns its width, a multiple of 4: what is past the end is never active. */
  #load(
    job: DenseJob,
    first: number,
    f32: (address: number, length: number) => Float32Array,
    to: TileAddresses,
  ): number {
    const stride = this.#stride;
    const count = Math.min(TILE_LATENTS, job.latents - first);
    const columns = Math.ceil(count / 4) * 4;
    for (const [address, from] of [
      [to.w, job.encoder],
      [to.v, job.decoder],
    ] as const) {
      const rows = f32(address, columns * stride);
      rows.set(this.#f32(from + first * stride * 4, count * stride));
      rows.fill(0, count * stride);
    }
    f32(to.bias, columns)
      .fill(0)
      .set(this.#f32(job.bEnc + first * 4, count));
    f32(to.norm, columns)
      .fill(0)
      .set(this.#f32(job.decoderNorm + first * 4, count));
    const thresholds = f32(to.threshold, columns).fill(Number.POSITIVE_INFINITY);
    if (job.threshold === 0) thresholds.fill(0, 0, count);
    else thresholds.set(this.#f32(job.threshold + first * 4, count));
    return columns;
  }

  /** y = a product of two matrices (address, rows, columns), plus c. */
  async #multiply(
    product: Product,
    [a, a0, a1]: readonly [number, number, number],
    [b, b0, b1]: readonly [number, number, number],
    y: number,
    c?: number,
  ): Promise<void> {
    const { buffer } = this.#kernel.memory;
    const tensor = (address: number, rows: number, columns: number): Values => ({
      data: new Float32Array(buffer as ArrayBuffer, address, rows * columns),
      shape: [rows, columns],
    });
    const [rows, columns] = product === 'a·bᵀ' ? [a0, b0] : product === 'a·b + c' ? [a0, b1] : [a1, b1];
    await this.#products[product].run(
      {
        a: tensor(a, a0, a1),
        b: tensor(b, b0, b1),
        ...(c === undefined ? {} : { c: tensor(c, rows, columns) }),
      },
      { y: tensor(y, rows, columns) },
    );
  }

  /** Places in private memory, one after another; `f32` is for after `#reserve`. */
  #room() {
    let end = 65_536;
    const take = (bytes: number) => {
      const address = end;
      end = Math.ceil((end + bytes) / 64) * 64;
      return address;
    };
    const f32 = (address: number, length: number) =>
      new Float32Array(this.#kernel.memory.buffer as ArrayBuffer, address, length);
    return { take, f32 };
  }

  #reserve(end: number, tokens: number): Kernel<DenseExports> {
    try {
      reserve(this.#kernel.memory, end);
    } catch {
      throw new PolysemeError(
        `SAE training: a batch of ${tokens} needs ${(end / 2 ** 30).toFixed(1)} GiB in each thread, more than there is: use a smaller batch`,
      );
    }
    return this.#kernel;
  }

  #f32(address: number, length: number): Float32Array {
    return new Float32Array(this.#memory.buffer, address, length);
  }
}
