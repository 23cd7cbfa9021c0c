import { parentPort, workerData } from 'node:worker_threads';
import { PolysemeError } from '../../errors.ts';
import { LATENT_BLOCK } from '../../wasm/generated/sae/places.ts';
import { wasm } from '../../wasm/generated/sae.ts';
import { instantiate } from '../../wasm/instance.ts';
import { type DenseJob, DenseStep } from './dense.ts';
import { type EncodeJob, type Segment, TileEncoder } from './encoder.ts';
import { TOKEN_BLOCK } from './layout.ts';
import type { SaeKernel } from './sae-kernel.ts';

/** What the threads do together; each claims blocks of tokens or latents until none is left. */
export type Task =
  /** Ends early where the pairs cost more than `limit`. */
  | { readonly name: 'encode'; readonly job: EncodeJob; readonly limit: number }
  | { readonly name: 'denseDecode' | 'denseLatents'; readonly job: DenseJob }
  | { readonly name: 'prepare'; readonly tokens: number }
  | { readonly name: 'order'; readonly tokens: number; readonly pairs: number; readonly k: number }
  | {
      readonly name: 'cut';
      readonly tokens: number;
      readonly pairs: number;
      readonly value: number;
      readonly place: number;
    }
  | {
      readonly name: 'decode';
      readonly tokens: number;
      readonly main: number;
      readonly aux: number;
      readonly hasAux: boolean;
    }
  | { readonly name: 'decodeAux'; readonly tokens: number; readonly aux: number }
  | {
      readonly name: 'latents';
      readonly latents: number;
      readonly main: number;
      readonly aux: number;
      readonly hasAux: boolean;
      readonly keep: boolean;
    }
  | { readonly name: 'apply'; readonly latents: number };

export interface WorkerSetup {
  readonly memory: WebAssembly.Memory;
  readonly params: number;
  readonly counter: number;
  readonly found: number;
  readonly scratch: number;
  readonly stride: number;
}

const { memory, params, counter, found, scratch, stride } = workerData as WorkerSetup;
const port = parentPort!;
const { exports: kernel } = instantiate<SaeKernel>(wasm, memory);
const encoder = await TileEncoder.create(stride);

const claim = () =>
  Atomics.add(new Int32Array(memory.buffer as unknown as SharedArrayBuffer, counter, 1), 0, 1);

/** Adds to the cost of the pairs that all threads found; says whether it is too much. */
const isMoreThan = (limit: number) => (cost: number) => {
  const sum = new Int32Array(memory.buffer as unknown as SharedArrayBuffer, found, 1);
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

async function perform(task: Task): Promise<unknown> {
  switch (task.name) {
    case 'encode':
      return encoder.run(
        task.job,
        memory.buffer as unknown as SharedArrayBuffer,
        claim,
        isMoreThan(task.limit),
      );
    case 'denseDecode':
      return (await denseStep()).decode(task.job, params, claim);
    case 'denseLatents':
      return (await denseStep()).update(task.job, params, scratch, claim);
    case 'prepare':
      return blocks(task.tokens, TOKEN_BLOCK, (from, to, block) => kernel.prepare(params, from, to, block));
    case 'order':
      return blocks(task.tokens, TOKEN_BLOCK, (from, to) =>
        kernel.order(params, task.pairs, from, to, task.k),
      );
    case 'cut':
      return blocks(task.tokens, TOKEN_BLOCK, (from, to) =>
        kernel.cut(params, task.pairs, from, to, task.value, task.place),
      );
    case 'decode': {
      const { main, aux } = task;
      const hasAux = task.hasAux ? 1 : 0;
      return blocks(task.tokens, TOKEN_BLOCK, (from, to, block) =>
        kernel.decode(params, main, aux, hasAux, from, to, block, scratch),
      );
    }
    case 'decodeAux':
      return blocks(task.tokens, TOKEN_BLOCK, (from, to) => kernel.decodeAux(params, task.aux, from, to));
    case 'latents': {
      const { main, aux, keep } = task;
      const hasAux = task.hasAux ? 1 : 0;
      return blocks(task.latents, LATENT_BLOCK, (from, to, block) =>
        keep
          ? kernel.keepGradients(params, main, aux, hasAux, from, to, block, scratch)
          : kernel.updateLatents(params, main, aux, hasAux, from, to, block, scratch),
      );
    }
    case 'apply':
      return blocks(task.latents, LATENT_BLOCK, (from, to) => kernel.applyGradients(params, from, to));
  }
}

port.on('message', async (task: Task | 'close') => {
  if (task === 'close') {
    await encoder.close();
    await dense?.close();
    port.close();
    return;
  }
  try {
    const result = await perform(task);
    const transfer =
      task.name === 'encode'
        ? (result as Segment[]).flatMap(({ counts, entries }) => [counts.buffer, entries.buffer])
        : [];
    port.postMessage({ result }, transfer);
  } catch (error) {
    if (error instanceof PolysemeError) port.postMessage({ error: error.message, code: error.code });
    else port.postMessage({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
port.postMessage({ result: 'ready' });
