import { PolysemeError } from '../../errors.ts';
import { type Matrix, rowsOf } from '../matrix.ts';
import { bytesOf, openFile, type RandomFile, readFloats, writeFileWhole } from './bytes.ts';
import { BYTES, type Dtype, elementsOf, MAX_TENSORS, type TensorFile } from './tensors.ts';

/** Most bytes of the JSON header. */
const MAX_HEADER = 4 * 2 ** 20;
/** Most numbers of a matrix that are put into another order at a time while writing. */
const WRITE_CHUNK = 2 ** 22;

interface Entry {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly length: number;
}

/** Opens a safetensors file. 32-bit floats are read straight into the arrays that are returned. */
export async function openSafetensors(path: string, label = path): Promise<TensorFile> {
  const file = await openFile(path, label);
  try {
    const entries = await readHeader(file);
    return {
      label,
      container: 'safetensors',
      tensors: entries,
      values: new Map(),
      async read(name) {
        const { dtype, shape, offset, length } = entries.get(name)!;
        const data = await readFloats(file, offset, length / BYTES[dtype], dtype);
        return { data, shape, columnMajor: false, place: file.place(dtype, shape, offset) };
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Writes 32-bit floats, matrices row by row. */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, Matrix | Float32Array>>,
): Promise<void> {
  const header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> = {};
  let at = 0;
  for (const [name, tensor] of Object.entries(tensors)) {
    const shape = tensor instanceof Float32Array ? [tensor.length] : [tensor.rows, tensor.cols];
    const end = at + shape.reduce((product, size) => product * size, 4);
    header[name] = { dtype: 'F32', shape, data_offsets: [at, end] };
    at = end;
  }
  const text = JSON.stringify(header);
  const json = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(json.length), true);
  function* pieces(): Generator<Uint8Array> {
    yield length;
    yield json;
    for (const tensor of Object.values(tensors)) {
      if (tensor instanceof Float32Array) {
        yield bytesOf(tensor);
        continue;
      }
      const step = Math.max(1, Math.floor(WRITE_CHUNK / Math.max(1, tensor.cols)));
      for (let row = 0; row < tensor.rows; row += step) {
        yield bytesOf(rowsOf(tensor, row, Math.min(step, tensor.rows - row)));
      }
    }
  }
  await writeFileWhole(path, pieces());
}

async function readHeader(file: RandomFile): Promise<ReadonlyMap<string, Entry>> {
  const damaged = (what: string) => new PolysemeError(`${file.label}: not a whole safetensors file: ${what}`);
  if (file.size < 8) throw damaged(`it has ${file.size} bytes`);
  const length = Number(new DataView((await file.bytes(0, 8)).buffer).getBigUint64(0, true));
  if (length > MAX_HEADER || 8 + length > file.size)
    throw damaged(`its header claims ${length} of ${file.size} bytes`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(await file.bytes(8, length)));
  } catch {
    throw damaged('its header is not JSON');
  }
  if (typeof parsed !== 'object' || parsed === null) throw damaged('its header is not an object');
  const entries = new Map<string, Entry>();
  for (const [name, raw] of Object.entries(parsed)) {
    if (name === '__metadata__') continue;
    if (entries.size >= MAX_TENSORS) throw damaged(`it has more than ${MAX_TENSORS} tensors`);
    const { dtype, shape, data_offsets: offsets } = (raw ?? {}) as Record<string, unknown>;
    if (!Array.isArray(shape) || !Array.isArray(offsets))
      throw damaged(`tensor ${name} has no shape or place`);
    if (typeof dtype !== 'string' || !Object.hasOwn(BYTES, dtype)) {
      throw new PolysemeError(
        `${file.label}: tensor ${name} is ${String(dtype)}; ${Object.keys(BYTES).join(', ')} are read`,
      );
    }
    const bytes = elementsOf(shape, file.label, name) * BYTES[dtype as Dtype];
    const [from, to] = offsets as unknown[];
    if (!Number.isSafeInteger(from) || (from as number) < 0 || to !== (from as number) + bytes) {
      throw damaged(
        `tensor ${name} of shape [${shape.join(', ')}] needs ${bytes} bytes, its place is ${offsets.join('…')}`,
      );
    }
    const offset = 8 + length + (from as number);
    if (offset + bytes > file.size) {
      throw damaged(
        `tensor ${name} ends at byte ${offset + bytes}, the file at ${file.size}; it is truncated, fetch it again`,
      );
    }
    entries.set(name, { dtype: dtype as Dtype, shape: shape as number[], offset, length: bytes });
  }
  return entries;
}
