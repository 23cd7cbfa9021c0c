import { type Backend, proveBackend } from './backend.ts';
import { onnxruntimeNode } from './backends/onnxruntime-node.ts';
import { backendReference } from './backends/reference.ts';

let proven: Promise<Backend> | undefined;

/**
 * The backend that runs graphs in this thread, once it has computed the reference right (the proof is made once a
 * thread).
 *
 * @throws PolysemeError (unsupported) where there is no runtime, or it computes wrong values
 */
export function openBackend(): Promise<Backend> {
  proven ??= start();
  return proven;
}

async function start(): Promise<Backend> {
  const backend = await onnxruntimeNode();
  await proveBackend(backend, backendReference());
  return backend;
}
