import type { InferenceSession } from 'onnxruntime-node';
import { mayHaveGpu } from '../../base/gpu.ts';
import { withoutTelemetry } from '../../base/no-telemetry.ts';
import { PolysemeError } from '../../errors.ts';
import type { Backend } from '../backend.ts';
import type { Device } from '../device.ts';
import { ortSession } from './ort-session.ts';
import { uncopied } from './uncopied.ts';

/** The library, loaded when it is first needed: it is an optional dependency. */
type Library = Pick<typeof import('onnxruntime-node'), 'InferenceSession' | 'Tensor' | 'env'>;

/**
 * ONNX Runtime on the processor, or on a GPU with the processor for operators that the GPU has not. Weights are mapped
 * from the files that they lie in, not copied. A run blocks the thread that calls it.
 *
 * @throws PolysemeError (unsupported) where the library is missing, or has no binary for this machine
 */
export async function onnxruntimeNode(device: Device = 'cpu'): Promise<Backend> {
  withoutTelemetry();
  const library: Library = await import('onnxruntime-node').catch((error: unknown) => {
    throw cannotLoad(error, process.platform, process.arch);
  });
  if (device === 'webgpu' && !mayHaveGpu()) throw cannotUse(device, new Error('there is no Vulkan'));
  // What is wrong is thrown, too: a missing GPU is told in one line.
  if (device !== 'cpu') library.env.logLevel = 'fatal';
  return {
    name: device === 'cpu' ? 'onnxruntime-node' : `onnxruntime-node (${device})`,
    async open({ bytes }, { threads } = {}) {
      const options: InferenceSession.SessionOptions = {
        ...(device === 'cpu' ? {} : { executionProviders: [device] }),
        ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
        interOpNumThreads: 1,
        executionMode: 'sequential',
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
        extra: {
          session: {
            model_external_initializers_file_folder_path: externalRoot(),
            // A thread that waits for another sleeps: the processor goes to the threads that read what the model gave.
            intra_op: { allow_spinning: '0' },
          },
        },
      };
      const create = (graph: Uint8Array) => library.InferenceSession.create(graph, options);
      // What a GPU gives comes in memory of its own.
      return ortSession(library, await (device === 'cpu' ? uncopied(bytes, create) : create(bytes)));
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

/** What a GPU needs here, by device. */
const NEEDS: Readonly<Record<Exclude<Device, 'cpu'>, string>> = {
  webgpu:
    'it needs a GPU with its driver (on Linux Vulkan: libvulkan.so.1 and the driver’s own file), and an ONNX Runtime with WebGPU',
  cuda: 'it needs an NVIDIA GPU, CUDA 12 with cuDNN 9, and ONNX Runtime’s CUDA libraries (npm install onnxruntime-node without ONNXRUNTIME_NODE_INSTALL=skip)',
};

/** The one line for a GPU on which nothing can be run: why, and what it needs. */
export function cannotUse(device: Device, error: unknown): PolysemeError {
  if (device === 'cpu' || error instanceof PolysemeError) throw error;
  const said = (error as Error).message.split('\n', 1)[0]!;
  // ONNX Runtime begins with the place in its sources and the condition that failed.
  const why = said.replace(/^.*\bwas false\. /, '').replace(/\.?\s*$/, '');
  return new PolysemeError(`device ${device} cannot be used (${why}): ${NEEDS[device]}`, 'not-found');
}

/**
 * The folder that the places of weights in a graph are relative to. ONNX Runtime refuses absolute places and `..`;
 * the root of the file system takes every file, wherever a checkpoint and an SAE may lie.
 */
function externalRoot(): string {
  return process.platform === 'win32' ? process.cwd().slice(0, 3) : '/';
}
