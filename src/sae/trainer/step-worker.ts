import { getSetup, Moved, serve } from '../../base/worker.ts';
import { LATENT_BLOCK } from '../../wasm/generated/sae/places.ts';
import { wasm } from '../../wasm/generated/sae.ts';
import { instantiate } from '../../wasm/instance.ts';
import { DenseStep } from './dense.ts';
import type { DenseJob } from './dense-kernel.ts';
import { type EncodeJob, type Segment, TileEncoder } from './encoder.ts';
import { TOKEN_BLOCK } from './layout.ts';
import type { SaeKernel } from './sae-kernel.ts';

/** What a thread needs to know once: the shared memory and addresses in it. */
export interface StepSetup {
  readonly memory: WebAssembly.Memory;
  readonly params: number;
  readonly counter: number;
  readonly pairCost: number;
  readonly scratch: number;
  readonly stride: number;
}

/** Addresses of the lists of pairs. */
interface Lists {
  readonly main: number;
  readonly aux: number;
  readonly hasAux: boolean;
}

const { memory, params, counter, pairCost, scratch, stride } = getSetup<StepSetup>();
const { exports: kernel } = instantiate<SaeKernel>(wasm, memory);
const encoder = await TileEncoder.create(stride);

const claim = () =>
  Atomics.add(new Int32Array(memory.buffer as unknown as SharedArrayBuffer, counter, 1), 0, 1);

/** Adds to the cost of the pairs that all threads found; says whether it is too much. */
const isMoreThan = (limit: number) => (cost: number) => {
  const sum = new Int32Array(memory.buffer as unknown as SharedArrayBuffer, pairCost, 1);
  return Atomics.add(sum, 0, cost) + cost > limit;
};

let dense: DenseStep | undefined;
async function denseStep(): Promise<DenseStep> {
  dense ??= await DenseStep.create(stride, kernel, memory);
  return dense;
}

/** Calls `work` with each claimed block; returns the largest number that it returned, −1 for none. */
function blocks(
  length: number,
  size: number,
  work: (from: number, to: number, block: number) => unknown,
): number {
  let most = -1;
  for (let block = claim(); block * size < length; block = claim()) {
    const result = work(block * size, Math.min(length, (block + 1) * size), block);
    if (typeof result === 'number') most = Math.max(most, result);
  }
  return most;
}

/** What the threads do together; each claims blocks of tokens or latents until none is left. */
const methods = {
  /** Answers once the thread is ready. */
  ready(): void {},

  /** The active pairs of the claimed blocks. Ends early where the pairs of all threads cost more than `limit`. */
  async encode({ job, limit }: { job: EncodeJob; limit: number }): Promise<Moved<Segment[]>> {
    const shared = memory.buffer as unknown as SharedArrayBuffer;
    const segments = await encoder.run(job, shared, claim, isMoreThan(limit));
    return new Moved(
      segments,
      segments.flatMap(({ counts, entries }) => [
        counts.buffer as ArrayBuffer,
        entries.buffer as ArrayBuffer,
      ]),
    );
  },

  async denseDecode(job: DenseJob): Promise<number> {
    await (await denseStep()).decode(job, params, claim);
    return 0;
  },

  async denseLatents(job: DenseJob): Promise<number> {
    return (await denseStep()).update(job, params, scratch, claim);
  },

  prepare({ tokens }: { tokens: number }): number {
    return blocks(tokens, TOKEN_BLOCK, (from, to, block) => kernel.prepare(params, from, to, block));
  },

  order({ tokens, pairs, k }: { tokens: number; pairs: number; k: number }): number {
    return blocks(tokens, TOKEN_BLOCK, (from, to) => kernel.order(params, pairs, from, to, k));
  },

  cut(cut: { tokens: number; pairs: number; value: number; place: number }): number {
    const { tokens, pairs, value, place } = cut;
    return blocks(tokens, TOKEN_BLOCK, (from, to) => kernel.cut(params, pairs, from, to, value, place));
  },

  decode({ tokens, main, aux, hasAux }: Lists & { tokens: number }): number {
    return blocks(tokens, TOKEN_BLOCK, (from, to, block) =>
      kernel.decode(params, main, aux, hasAux ? 1 : 0, from, to, block, scratch),
    );
  },

  decodeAux({ tokens, aux }: { tokens: number; aux: number }): number {
    return blocks(tokens, TOKEN_BLOCK, (from, to) => kernel.decodeAux(params, aux, from, to));
  },

  /** Gradients and Adam; with `keep` only the gradients, which `apply` then takes. */
  latents({ latents, main, aux, hasAux, keep }: Lists & { latents: number; keep: boolean }): number {
    const update = keep ? kernel.keepGradients : kernel.updateLatents;
    return blocks(latents, LATENT_BLOCK, (from, to, block) =>
      update(params, main, aux, hasAux ? 1 : 0, from, to, block, scratch),
    );
  },

  apply({ latents }: { latents: number }): number {
    return blocks(latents, LATENT_BLOCK, (from, to) => kernel.applyGradients(params, from, to));
  },
};

export type StepMethods = typeof methods;

serve(methods, async () => {
  await encoder.close();
  await dense?.close();
});
