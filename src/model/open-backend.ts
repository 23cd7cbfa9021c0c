import { type Backend, proveBackend } from './backend.ts';
import { cannotUse, onnxruntimeNode } from './backends/onnxruntime-node.ts';
import { backendReference } from './backends/reference.ts';
import type { Device } from './device.ts';

const proven = new Map<Device, Promise<Backend>>();

/**
 * The backend that runs graphs in this thread on a device, once it has computed the reference right (the proof is made
 * once a thread).
 *
 * @throws PolysemeError where there is no such device (not-found), no runtime, or it computes wrong values (unsupported)
 */
export function openBackend(device: Device = 'cpu'): Promise<Backend> {
  let backend = proven.get(device);
  if (backend === undefined) {
    backend = start(device);
    proven.set(device, backend);
  }
  return backend;
}

async function start(device: Device): Promise<Backend> {
  const backend = await onnxruntimeNode(device);
  await proveBackend(backend, backendReference()).catch((error: unknown) => {
    throw cannotUse(device, error);
  });
  return backend;
}
