import { PolysemeError } from '../errors.ts';
import type { BackendSession, Values } from '../model/backend.ts';
import { openBackend } from '../model/open-backend.ts';
import { GraphBuilder, type Wire } from '../onnx/graph.ts';
import { decodesWithInputs, type SaeData } from './sae-data.ts';
import { decodeNodes, encodeNodes, inputsNeeded } from './sae-nodes.ts';

/** Floats of the widest tensor of one run: 32 MiB, so that a run's buffers stay in memory that is warm. */
const CHUNK_FLOATS = 2 ** 23;

type Direction = 'encode' | 'decode' | 'latentInputs';

/** Runs an SAE by itself: one session a direction, made when first needed, inputs in chunks of rows. */
export class SaeRunner {
  readonly #sae: SaeData;
  readonly #sessions = new Map<Direction, Promise<BackendSession>>();

  constructor(sae: SaeData) {
    this.#sae = sae;
  }

  async encode(inputs: Float32Array): Promise<Float32Array> {
    const { dIn, dSae } = this.#sae.config;
    const out = new Float32Array(this.#rows(inputs, dIn, 'inputs') * dSae);
    await this.#chunks(inputs.length / dIn, async (start, count) => {
      out.set(await this.#encode(inputs.subarray(start * dIn, (start + count) * dIn)), start * dSae);
    });
    return out;
  }

  async latentInputs(inputs: Float32Array): Promise<Float32Array> {
    const { dIn } = this.#sae.config;
    const out = new Float32Array(this.#rows(inputs, dIn, 'inputs') * dIn);
    await this.#chunks(inputs.length / dIn, async (start, count) => {
      const slice = inputs.subarray(start * dIn, (start + count) * dIn);
      out.set(await this.#run('latentInputs', { input: [slice, dIn] }), start * dIn);
    });
    return out;
  }

  async decode(latents: Float32Array, inputs?: Float32Array): Promise<Float32Array> {
    const { dIn, dSae, dOut } = this.#sae.config;
    const n = this.#rows(latents, dSae, 'latents');
    if (decodesWithInputs(this.#sae)) {
      if (inputs === undefined) throw inputsNeeded(this.#sae);
      if (this.#rows(inputs, dIn, 'inputs') !== n) {
        throw new PolysemeError(
          `${this.#sae.label}: ${n} rows of latents, but ${inputs.length / dIn} of inputs`,
        );
      }
    }
    const out = new Float32Array(n * dOut);
    await this.#chunks(n, async (start, count) => {
      const slice = latents.subarray(start * dSae, (start + count) * dSae);
      out.set(await this.#decode(slice, inputs?.subarray(start * dIn, (start + count) * dIn)), start * dOut);
    });
    return out;
  }

  async reconstruct(inputs: Float32Array): Promise<Float32Array> {
    const { dIn, dOut } = this.#sae.config;
    const out = new Float32Array(this.#rows(inputs, dIn, 'inputs') * dOut);
    await this.#chunks(inputs.length / dIn, async (start, count) => {
      const slice = inputs.subarray(start * dIn, (start + count) * dIn);
      out.set(await this.#decode(await this.#encode(slice), slice), start * dOut);
    });
    return out;
  }

  async dispose(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of sessions) await (await session).close();
  }

  #encode(inputs: Float32Array): Promise<Float32Array> {
    return this.#run('encode', { input: [inputs, this.#sae.config.dIn] });
  }

  #decode(latents: Float32Array, inputs?: Float32Array): Promise<Float32Array> {
    const { dIn, dSae } = this.#sae.config;
    const feeds: Record<string, [Float32Array, number]> = { latents: [latents, dSae] };
    if (decodesWithInputs(this.#sae)) feeds['input'] = [inputs!, dIn];
    return this.#run('decode', feeds);
  }

  async #run(direction: Direction, feeds: Record<string, [Float32Array, number]>): Promise<Float32Array> {
    let session = this.#sessions.get(direction);
    if (session === undefined) {
      session = this.#create(direction);
      this.#sessions.set(direction, session);
      session.catch(() => this.#sessions.delete(direction));
    }
    const inputs: Record<string, Values> = {};
    for (const [name, [data, width]] of Object.entries(feeds)) {
      inputs[name] = { data, shape: [data.length / width, width] };
    }
    const [output] = Object.values(await (await session).run(inputs));
    return output!.data as Float32Array;
  }

  async #create(direction: Direction): Promise<BackendSession> {
    const { dIn, dSae } = this.#sae.config;
    const graph = new GraphBuilder();
    let output: Wire;
    if (direction === 'decode') {
      const latents = graph.input('latents', 'float', ['n', dSae]);
      output = decodeNodes(
        graph,
        this.#sae,
        latents,
        decodesWithInputs(this.#sae) ? graph.input('input', 'float', ['n', dIn]) : undefined,
      );
    } else {
      const { latents, latentInputs } = encodeNodes(
        graph,
        this.#sae,
        graph.input('input', 'float', ['n', dIn]),
      );
      // A graph's output may not be its input itself.
      output = graph.op('Identity', [direction === 'encode' ? latents : latentInputs]);
    }
    const backend = await openBackend();
    return backend.open(graph.encode([output]));
  }

  #rows(data: Float32Array, width: number, what: string): number {
    if (data.length % width !== 0) {
      throw new PolysemeError(
        `${this.#sae.label}: ${data.length} numbers of ${what} are no whole rows of ${width}`,
      );
    }
    return data.length / width;
  }

  async #chunks(n: number, work: (start: number, count: number) => Promise<void>): Promise<void> {
    const { dIn, dSae } = this.#sae.config;
    const step = Math.max(1, Math.floor(CHUNK_FLOATS / Math.max(dIn, dSae)));
    for (let start = 0; start < n; start += step) await work(start, Math.min(step, n - start));
  }
}
