import { openNpz } from './npz.ts';
import { openFile } from './random-file.ts';
import { openSafetensors } from './safetensors-file.ts';
import type { TensorFile } from './tensors.ts';
import { openTorch } from './torch.ts';
import { readZip } from './zip.ts';

/** Opens a file of tensors, whatever its name: safetensors, NumPy's npz, or torch's (zip or older). */
export async function openTensors(path: string, label: string): Promise<TensorFile> {
  return OPEN[await containerOf(path, label)](path, label);
}

const OPEN = { safetensors: openSafetensors, npz: openNpz, torch: openTorch };

async function containerOf(path: string, label: string): Promise<keyof typeof OPEN> {
  const file = await openFile(path, label);
  try {
    const head = await file.bytes(0, Math.min(9, file.size));
    if (head[0] === 0x50 && head[1] === 0x4b) {
      const names = [...(await readZip(file)).keys()];
      return names.some((name) => name.endsWith('.npy')) ? 'npz' : 'torch';
    }
    // A safetensors file begins with the length of its header, in 8 bytes, and the header with a brace.
    return head[8] === 0x7b || /\.safetensors$/.test(path) ? 'safetensors' : 'torch';
  } finally {
    await file.close();
  }
}
