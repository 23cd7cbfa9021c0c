import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { PolysemeError } from '../../errors.ts';
import type { Backend, BackendSession, Values } from '../backend.ts';

/** The library, loaded when it is first needed: it is an optional dependency. */
type Library = Pick<typeof import('onnxruntime-node'), 'InferenceSession' | 'Tensor'>;

/**
 * ONNX Runtime on the processor. Weights are mapped from the files that they lie in, not copied. A run blocks the
 * thread that calls it.
 *
 * @throws PolysemeError (unsupported) where the library is missing, or has no binary for this machine
 */
export async function onnxruntimeNode(): Promise<Backend> {
  const library: Library = await import('onnxruntime-node').catch((error: unknown) => {
    throw cannotLoad(error, process.platform, process.arch);
  });
  return {
    name: 'onnxruntime-node',
    async open({ bytes }, { threads } = {}) {
      const session = await library.InferenceSession.create(bytes, {
        ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
        interOpNumThreads: 1,
        executionMode: 'sequential',
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
        extra: { session: { model_external_initializers_file_folder_path: externalRoot() } },
      });
      return new NodeSession(library, session);
    },
  };
}

/** The one line for a library that cannot be loaded: why, and how to mend it. */
export function cannotLoad(error: unknown, platform: string, arch: string): PolysemeError {
  const { code, message } = error as NodeJS.ErrnoException;
  if (platform === 'darwin' && arch === 'x64') {
    return new PolysemeError(
      'models cannot be run on this machine: ONNX Runtime (onnxruntime-node) has no binary for Intel Macs; studies ' +
        'can still be served and exported',
      'unsupported',
    );
  }
  const missing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
  const why = missing ? 'is not installed' : `cannot be loaded (${message.split('\n', 1)[0]})`;
  return new PolysemeError(
    `onnxruntime-node, which runs models, ${why}: ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node`,
    'unsupported',
  );
}

/**
 * The folder that the places of weights in a graph are relative to. ONNX Runtime refuses absolute places and `..`;
 * the root of the file system takes every file, wherever a checkpoint and an SAE may lie.
 */
function externalRoot(): string {
  return process.platform === 'win32' ? process.cwd().slice(0, 3) : '/';
}

class NodeSession implements BackendSession {
  readonly #library: Library;
  readonly #session: InferenceSession;

  constructor(library: Library, session: InferenceSession) {
    this.#library = library;
    this.#session = session;
  }

  async run(
    inputs: Readonly<Record<string, Values>>,
    into?: Readonly<Record<string, Values>>,
  ): Promise<Record<string, Values>> {
    const feeds = this.#tensors(inputs);
    const values = await (into === undefined
      ? this.#session.run(feeds)
      : this.#session.run(feeds, this.#tensors(into)));
    const outputs: Record<string, Values> = {};
    for (const [name, { data, dims }] of Object.entries(values)) {
      outputs[name] = { data: data as Float32Array, shape: dims };
    }
    return outputs;
  }

  async close(): Promise<void> {
    await this.#session.release();
  }

  #tensors(values: Readonly<Record<string, Values>>): Record<string, Tensor> {
    const tensors: Record<string, Tensor> = {};
    for (const [name, { data, shape }] of Object.entries(values)) {
      tensors[name] =
        data instanceof Float32Array
          ? new this.#library.Tensor('float32', data, shape)
          : new this.#library.Tensor('int32', data, shape);
    }
    return tensors;
  }
}
