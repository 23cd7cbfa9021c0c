import { PolysemeError } from '../../errors.ts';
import { locationOf } from '../../onnx/graph.ts';
import type { TensorRef } from '../../tensors/safetensors.ts';
import { type Backend, proveBackend } from '../backend.ts';
import { ortSession } from './ort-session.ts';
import { backendReference } from './reference.ts';

/** The part of the library that is used. */
export type WebRuntime = Pick<typeof import('onnxruntime-web'), 'InferenceSession' | 'Tensor' | 'env'>;

/**
 * ONNX Runtime as WebAssembly, in pages and in Node, once it has computed the reference right. It has one thread, since more of
 * them need headers that plain hosts of files do not send, and a run blocks the thread that calls it.
 *
 * @param wasm the bytes of `ort-wasm-simd-threaded.wasm` of the same version
 * @param bytesOf the bytes of a file of weights: whole, as they are named in programs
 * @throws PolysemeError (unsupported) where it cannot be started, or computes wrong values
 */
export async function onnxruntimeWeb(
  library: WebRuntime,
  wasm: Uint8Array<ArrayBuffer>,
  bytesOf: (ref: TensorRef) => Uint8Array,
): Promise<Backend> {
  Object.assign(library.env.wasm, { numThreads: 1, proxy: false, wasmBinary: wasm.buffer });
  const backend: Backend = {
    name: 'onnxruntime-web',
    async open({ bytes, weights = new Map() }) {
      const files = new Map(Array.from(weights.values(), (ref) => [ref.file, ref]));
      const session = await library.InferenceSession.create(bytes, {
        executionProviders: ['wasm'],
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
        externalData: Array.from(files.values(), (ref) => ({
          path: locationOf(ref.file),
          data: bytesOf(ref),
        })),
      });
      return ortSession(library, session);
    },
  };
  try {
    await proveBackend(backend, backendReference());
  } catch (error) {
    if (error instanceof PolysemeError) throw error;
    throw new PolysemeError(
      `onnxruntime-web, which runs models in pages, cannot be started: ${(error as Error).message.split('\n', 1)[0]}`,
      'unsupported',
    );
  }
  return backend;
}
