import { PolysemeError } from '../errors.ts';
import type { GraphOptions } from '../onnx/graph.ts';

/** What a model can run on: the processor, or a GPU through WebGPU or CUDA. */
export const DEVICES = ['cpu', 'webgpu', 'cuda'] as const;
export type Device = (typeof DEVICES)[number];

/** A device, or the best that is there and computes right. */
export const DEVICE_OPTIONS = [...DEVICES, 'auto'] as const;
export type DeviceOption = (typeof DEVICE_OPTIONS)[number];

/** How a graph for a device is written: with what the device has an operator for. */
export function graphFor(device: Device): Pick<GraphOptions, 'castWhole' | 'plainOperators'> {
  return { castWhole: device !== 'cpu', plainOperators: device === 'webgpu' };
}

/** What `auto` tries, the best first. */
const BEST_FIRST: readonly Device[] = ['cuda', 'webgpu', 'cpu'];

/**
 * The device that an option means.
 *
 * @param prove throws where a device is missing (code `not-found`), or computes wrong values
 * @returns the device, and of `auto` which it is, and which computes wrong values
 * @throws what `prove` throws of a device that was asked for by name
 */
export async function chooseDevice(
  option: DeviceOption,
  prove: (device: Device) => Promise<unknown>,
): Promise<{ readonly device: Device; readonly notes: readonly string[] }> {
  if (option !== 'auto') {
    await prove(option);
    return { device: option, notes: [] };
  }
  const notes: string[] = [];
  for (const device of BEST_FIRST) {
    try {
      await prove(device);
      return { device, notes: [...notes, `the model runs on ${device}`] };
    } catch (error) {
      if (device === BEST_FIRST.at(-1)) throw error;
      const isMissing = error instanceof PolysemeError && error.code === 'not-found';
      if (!isMissing) notes.push((error as Error).message);
    }
  }
  throw new Error('no device'); // the last one either ends the loop or throws
}
