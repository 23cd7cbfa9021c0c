import { type Matrix, toRowMajor } from './matrix.ts';
import { openFile, readFloats } from './random-file.ts';
import { readSafetensorsHeader } from './safetensors.ts';
import type { TensorFile } from './tensors.ts';
import { writeSafetensors as writeTensors } from './write-safetensors.ts';

/** Opens a safetensors file. 32-bit floats are read straight into the arrays that are returned. */
export async function openSafetensors(path: string, label = path): Promise<TensorFile> {
  const { tensors } = await readSafetensorsHeader(path);
  const file = await openFile(path, label);
  return {
    label,
    container: 'safetensors',
    tensors,
    values: new Map(),
    async read(name) {
      const { dtype, shape, offset } = tensors.get(name)!;
      const count = shape.reduce((product, size) => product * size, 1);
      const data = await readFloats(file, offset, count, dtype);
      return { data, shape, columnMajor: false, ref: file.ref(dtype, shape, offset) };
    },
    close: () => file.close(),
  };
}

/** Writes 32-bit floats, matrices row by row. */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, Matrix | Float32Array>>,
): Promise<void> {
  const rows = Object.entries(tensors).map(([name, tensor]) => {
    if (tensor instanceof Float32Array) return [name, { data: tensor, shape: [tensor.length] }] as const;
    return [name, { data: toRowMajor(tensor).data, shape: [tensor.rows, tensor.cols] }] as const;
  });
  await writeTensors(path, Object.fromEntries(rows));
}
