import { PolysemeError } from '../../../errors.ts';
import type { Gpu } from './open-gpu.ts';

/** Bytes of numbers, or the buffer that holds them; with an offset a part of it. */
export type Binding = GPUBuffer | { readonly buffer: GPUBuffer; readonly offset: number };

/** One kernel run: its source, what stands at bindings 0, 1, …, and its grid. */
export interface Run {
  readonly kernel: string;
  readonly bindings: readonly Binding[];
  readonly grid: readonly [number, number];
}

/** Runs kernels on a GPU's buffers: pipelines are made once, buffers by name grow as they must. */
export class Compute {
  #gpu: Gpu | null;
  readonly #pipelines = new Map<string, GPUComputePipeline>();
  readonly #buffers = new Map<string, GPUBuffer>();

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
  }

  get #device(): GPUDevice {
    return this.#gpu!.device;
  }

  /** The buffer of a name, of at least so many bytes; a longer one than before holds zeros. */
  buffer(name: string, bytes: number, usage = 0): GPUBuffer {
    const size = Math.max(16, Math.ceil(bytes / 16) * 16);
    const known = this.#buffers.get(name);
    if (known !== undefined && known.size >= size) return known;
    const { maxBufferSize, maxStorageBufferBindingSize } = this.#device.limits;
    const most = Math.min(maxBufferSize, maxStorageBufferBindingSize);
    if (size > most) {
      throw new PolysemeError(
        `SAE training: ${name} takes ${size} bytes, and this GPU gives ${most} at once: use a smaller batch or fewer latents`,
        'unsupported',
      );
    }
    known?.destroy();
    const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
    const made = this.#device.createBuffer({
      label: name,
      size,
      usage: usage || STORAGE | COPY_SRC | COPY_DST,
    });
    this.#buffers.set(name, made);
    return made;
  }

  /** A buffer that holds these numbers; memory that is shared between threads is copied first. */
  upload(name: string, values: Float32Array | Uint32Array): GPUBuffer {
    const buffer = this.buffer(name, values.byteLength);
    this.#device.queue.writeBuffer(buffer, 0, values.slice() as Float32Array<ArrayBuffer>);
    return buffer;
  }

  /** A uniform buffer that holds these bytes. */
  uniform(name: string, bytes: ArrayBuffer): GPUBuffer {
    const buffer = this.buffer(name, bytes.byteLength, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
    this.#device.queue.writeBuffer(buffer, 0, bytes);
    return buffer;
  }

  clear(buffer: GPUBuffer): void {
    const commands = this.#device.createCommandEncoder();
    commands.clearBuffer(buffer);
    this.#device.queue.submit([commands.finish()]);
  }

  /** Runs kernels, one after another. @throws what the GPU says of them, or that it was lost */
  async run(runs: readonly Run[]): Promise<void> {
    const device = this.#device;
    for (const kind of ['validation', 'out-of-memory', 'internal'] as const) device.pushErrorScope(kind);
    const commands = device.createCommandEncoder();
    const pass = commands.beginComputePass();
    for (const { kernel, bindings, grid } of runs) {
      const pipeline = this.#pipeline(kernel);
      pass.setPipeline(pipeline);
      const entries = bindings.map((binding, i) => ({
        binding: i,
        resource: 'offset' in binding ? binding : { buffer: binding },
      }));
      pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
      pass.dispatchWorkgroups(...grid);
    }
    pass.end();
    device.queue.submit([commands.finish()]);
    const errors = await Promise.all([1, 2, 3].map(() => device.popErrorScope()));
    const error = errors.find((one) => one !== null);
    if (error) throw gpuFailed(error.message);
  }

  /** The first bytes of buffers, once all that was run before is done. */
  async read(wanted: readonly (readonly [GPUBuffer, number])[]): Promise<ArrayBuffer[]> {
    const device = this.#device;
    const total = wanted.reduce((sum, [, bytes]) => sum + bytes, 0);
    const staging = device.createBuffer({
      size: Math.max(4, total),
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    try {
      const commands = device.createCommandEncoder();
      let at = 0;
      for (const [buffer, bytes] of wanted) {
        commands.copyBufferToBuffer(buffer, 0, staging, at, bytes);
        at += bytes;
      }
      device.queue.submit([commands.finish()]);
      await staging.mapAsync(GPUMapMode.READ).catch((error: Error) => {
        throw gpuFailed(error.message);
      });
      const all = staging.getMappedRange().slice(0);
      at = 0;
      return wanted.map(([, bytes]) => {
        at += bytes;
        return all.slice(at - bytes, at);
      });
    } finally {
      staging.destroy();
    }
  }

  close(): void {
    for (const buffer of this.#buffers.values()) buffer.destroy();
    this.#buffers.clear();
    this.#device.destroy();
    // Node does not exit while it is held.
    this.#gpu = null;
  }

  #pipeline(kernel: string): GPUComputePipeline {
    let pipeline = this.#pipelines.get(kernel);
    if (pipeline === undefined) {
      const module = this.#device.createShaderModule({ code: kernel });
      pipeline = this.#device.createComputePipeline({
        layout: 'auto',
        compute: { module, entryPoint: 'main' },
      });
      this.#pipelines.set(kernel, pipeline);
    }
    return pipeline;
  }
}

function gpuFailed(message: string): PolysemeError {
  return new PolysemeError(`SAE training: the GPU failed (${message.split('\n', 1)[0]})`, 'unsupported');
}
