import { writeWhole } from '../base/files.ts';
import { PolysemeError } from '../errors.ts';
import type { Matrix } from './matrix.ts';
import { bytesOf, openFile, type RandomFile, readFloats } from './random-file.ts';
import { DTYPE_BYTES, type Dtype } from './safetensors.ts';
import { elementsOf, type LoadedTensor, MAX_TENSORS, type TensorFile } from './tensors.ts';
import { dataOffset, openEntry, readZip, writeZip, type ZipEntry } from './zip.ts';

/** Most bytes of an array's header. */
const MAX_HEADER = 65536;
const MAGIC = '\x93NUMPY';

const DTYPES: Readonly<Record<string, Dtype>> = {
  '<f8': 'F64',
  '<f4': 'F32',
  '<f2': 'F16',
  '<i8': 'I64',
  '<i4': 'I32',
  '<i2': 'I16',
  '|i1': 'I8',
  '|u1': 'U8',
  '|b1': 'BOOL',
};

interface NpyHeader {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly fortran: boolean;
  /** Where the numbers begin. */
  readonly start: number;
}

/** Opens what `numpy.savez` or `numpy.savez_compressed` wrote. */
export async function openNpz(path: string, label = path): Promise<TensorFile> {
  const file = await openFile(path, label);
  try {
    const arrays = new Map<string, { entry: ZipEntry; header: NpyHeader }>();
    for (const entry of (await readZip(file)).values()) {
      if (!entry.name.endsWith('.npy')) continue;
      if (arrays.size >= MAX_TENSORS) throw new PolysemeError(`${label}: more than ${MAX_TENSORS} arrays`);
      arrays.set(entry.name.slice(0, -4), { entry, header: await readHeader(file, entry) });
    }
    return {
      label,
      container: 'npz',
      tensors: new Map([...arrays].map(([name, { header }]) => [name, header])),
      values: new Map(),
      read: (name) => readArray(file, arrays.get(name)!),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Writes arrays as `numpy.savez` does. */
export async function writeNpz(
  path: string,
  arrays: Readonly<Record<string, Matrix | Float32Array>>,
): Promise<void> {
  const entries = Object.entries(arrays).map(([name, array]) => {
    if (array instanceof Float32Array)
      return { name: `${name}.npy`, data: [header([array.length], false), bytesOf(array)] };
    // A transposed matrix is what NumPy calls Fortran order: no copy is needed.
    const { rows, cols, transposed, data } = array;
    return { name: `${name}.npy`, data: [header([rows, cols], transposed), bytesOf(data)] };
  });
  await writeWhole(path, writeZip(entries));
}

async function readHeader(file: RandomFile, entry: ZipEntry): Promise<NpyHeader> {
  const array = await openEntry(file, entry);
  const damaged = (what: string) =>
    new PolysemeError(`${array.label}: not an array of NumPy: ${what}`, 'damaged');
  // A deflated entry is read in order: the length first, then all up to the numbers.
  const start = await array.bytes(0, Math.min(12, entry.size));
  if (start.length < 12 || String.fromCharCode(...start.subarray(0, 6)) !== MAGIC)
    throw damaged('its first bytes are others');
  const view = new DataView(start.buffer);
  const wide = start[6]! >= 2;
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const begin = wide ? 12 : 10;
  if (length > MAX_HEADER) throw damaged(`its header claims ${length} bytes`);
  const rest = await array.bytes(12, begin + length - 12);
  const text = new TextDecoder().decode(start.subarray(begin)) + new TextDecoder().decode(rest);
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const shapeText = /'shape':\s*\(([\d\s,]*)\)/.exec(text)?.[1];
  if (descr === undefined || order === undefined || shapeText === undefined)
    throw damaged(`its header is ${text.trim().slice(0, 80)}`);
  const dtype = Object.hasOwn(DTYPES, descr) ? DTYPES[descr] : undefined;
  if (dtype === undefined)
    throw damaged(`elements of type ${descr} cannot be read (${Object.keys(DTYPES).join(', ')})`);
  const shape = shapeText
    .split(',')
    .map((size) => size.trim())
    .filter((size) => size !== '')
    .map(Number);
  const needed = begin + length + elementsOf(shape, array.label, 'here') * DTYPE_BYTES[dtype];
  if (needed !== entry.size) throw damaged(`its header asks for ${needed} bytes, there are ${entry.size}`);
  return { dtype, shape, fortran: order === 'True', start: begin + length };
}

async function readArray(
  file: RandomFile,
  { entry, header }: { entry: ZipEntry; header: NpyHeader },
): Promise<LoadedTensor> {
  const { dtype, shape, fortran, start } = header;
  const array = await openEntry(file, entry, { check: true });
  await array.bytes(0, start);
  const count = shape.reduce((product, size) => product * size, 1);
  const data = await readFloats(array, start, count, dtype);
  const columnMajor = fortran && shape.length === 2;
  if (fortran && shape.length > 2)
    throw new PolysemeError(
      `${array.label}: Fortran order of ${shape.length} dimensions cannot be read`,
      'unsupported',
    );
  if (entry.deflated) return { data, shape, columnMajor };
  const stored = columnMajor ? [...shape].reverse() : shape;
  return {
    data,
    shape,
    columnMajor,
    ref: file.ref(dtype, stored, (await dataOffset(file, entry)) + start),
  };
}

function header(shape: readonly number[], fortran: boolean): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '<f4', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${sizes}), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64;
  const bytes = new Uint8Array(length).fill(0x20);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, (length - 10) & 255, (length - 10) >> 8]);
  bytes.set(new TextEncoder().encode(text), 10);
  bytes[length - 1] = 10;
  return bytes;
}
