import { mayHaveGpu } from '../../../base/gpu.ts';
import { PolysemeError } from '../../../errors.ts';

/** What is asked of a GPU beyond WebGPU's least: large SAEs need large buffers. */
const LIMITS = ['maxBufferSize', 'maxStorageBufferBindingSize'] as const;

/** A device, and what it lives in: Dawn frees an instance that nobody holds, and its devices with it. */
export interface Gpu {
  readonly instance: GPU;
  readonly device: GPUDevice;
}

/**
 * A GPU to compute on: in Node through the package `webgpu` (Dawn), which is an optional peer.
 *
 * @throws PolysemeError (not-found) where the package or a GPU is missing
 */
export async function openGpu(): Promise<Gpu> {
  const { create, globals } = await import('webgpu').catch((error: NodeJS.ErrnoException) => {
    const why =
      error.code === 'ERR_MODULE_NOT_FOUND' ? 'is not installed' : `cannot be loaded (${error.message})`;
    throw missing(`the package webgpu ${why}: npm install webgpu`);
  });
  const none = () =>
    missing('there is no GPU with a driver (on Linux Vulkan: libvulkan.so.1 and the driver’s own file)');
  if (!mayHaveGpu()) throw none();
  Object.assign(globalThis, globals);
  const instance = create([]);
  const adapter = await instance.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) throw none();
  const device = await adapter.requestDevice({
    requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
  });
  return { instance, device };
}

function missing(what: string): PolysemeError {
  return new PolysemeError(`device webgpu cannot be used for SAE training: ${what}`, 'not-found');
}
