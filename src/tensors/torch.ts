import { writeWhole } from '../base/files.ts';
import { PolysemeError } from '../errors.ts';
import { MAX_PICKLE, type Pickled, type PickleRules, readPickle } from './pickle.ts';
import { type Writable, writePickle } from './pickle-writer.ts';
import { bytesOf, openFile, type RandomFile, readFloats } from './random-file.ts';
import { DTYPE_BYTES } from './safetensors.ts';
import type { LoadedTensor, TensorFile } from './tensors.ts';
import { refuse, rulesFor, type Storage, Tensor } from './torch-pickle.ts';
import { checkEntry, dataOffset, openEntry, readZip, writeZip, type ZipEntry } from './zip.ts';

/** First number of a file that torch wrote before 1.6. */
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;

/** Opens what `torch.save` wrote (zip, or the format before torch 1.6): a dictionary of tensors and plain values. */
export async function openTorch(path: string, label = path): Promise<TensorFile> {
  const file = await openFile(path, label);
  try {
    const magic = await file.bytes(0, Math.min(4, file.size));
    return magic[0] === 0x50 && magic[1] === 0x4b ? await openArchive(file) : await openLegacy(file);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Writes what `torch.load(weights_only=True)` reads. */
export async function writeTorch(path: string, value: { [key: string]: Writable }): Promise<void> {
  const { bytes, storages } = writePickle(value);
  const utf8 = new TextEncoder();
  const entries = [
    { name: 'archive/data.pkl', data: [bytes] },
    { name: 'archive/byteorder', data: [utf8.encode('little')] },
    ...storages.map((data, i) => ({ name: `archive/data/${i}`, data: [bytesOf(data)] })),
    { name: 'archive/version', data: [utf8.encode('3\n')] },
  ];
  await writeWhole(path, writeZip(entries));
}

async function openArchive(file: RandomFile): Promise<TensorFile> {
  const entries = await readZip(file);
  const pickles = [...entries.values()].filter(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickles.length !== 1)
    throw new PolysemeError(`${file.label}: a zip archive, but not of torch (no data.pkl)`, 'damaged');
  const prefix = pickles[0]!.name.slice(0, -'data.pkl'.length);
  const order = entries.get(`${prefix}byteorder`);
  if (order !== undefined) {
    const entry = await openEntry(file, order, { check: hasSum(order) });
    const text = new TextDecoder().decode(await entry.bytes(0, Math.min(16, entry.size)));
    if (text !== 'little')
      throw new PolysemeError(
        `${file.label}: its numbers are ${text}-endian; only little is read`,
        'unsupported',
      );
  }
  if (pickles[0]!.size > MAX_PICKLE) throw tooLong(file, pickles[0]!.size);
  const entry = await openEntry(file, pickles[0]!, { check: hasSum(pickles[0]!) });
  const pickle = await entry.bytes(0, entry.size);
  const { value } = readPickle(pickle, 0, rulesFor(file.label), file.label);
  const checked = new Set<ZipEntry>();
  return dictionary(file, value, async ({ key, count, dtype }) => {
    const data = entries.get(`${prefix}data/${key}`);
    if (data === undefined || data.deflated || data.size < count * DTYPE_BYTES[dtype]) {
      throw new PolysemeError(
        `${file.label}: storage ${key} should hold ${count} ${dtype}, but ${data === undefined ? 'is missing' : `has ${data.size} bytes`}; the file is damaged`,
        'damaged',
      );
    }
    if (hasSum(data) && !checked.has(data)) await checkEntry(file, data);
    checked.add(data);
    return dataOffset(file, data);
  });
}

/** `torch.serialization.set_crc32_options(False)` has 0 written in every checksum's place. */
const hasSum = ({ crc }: ZipEntry): boolean => crc !== 0;

/** Five pickles (magic, version, system, the object, the storages' keys), then each storage: count, numbers. */
async function openLegacy(file: RandomFile): Promise<TensorFile> {
  const { label } = file;
  const head = await file.bytes(0, Math.min(file.size, MAX_PICKLE));
  const plain: PickleRules = {
    allowed: new Set(),
    call: (name) => refuse(label, name),
    persistent: () => refuse(label, 'a storage outside the state dictionary'),
  };
  let first: { value: Pickled; end: number };
  try {
    first = readPickle(head, 0, plain, label);
  } catch (error) {
    if (error instanceof PolysemeError && error.message.includes('asks for')) throw error;
    throw new PolysemeError(
      `${label}: not a file of torch.save (neither a zip archive nor its older format)`,
      'damaged',
    );
  }
  if (first.value !== LEGACY_MAGIC) {
    throw new PolysemeError(
      `${label}: a pickle, but not of torch.save (its magic number is missing)`,
      'damaged',
    );
  }
  const version = readPickle(head, first.end, plain, label);
  const system = readPickle(head, version.end, plain, label);
  const storages = new Map<string, Storage>();
  const object = readPickle(head, system.end, rulesFor(label, storages), label);
  const keys = readPickle(head, object.end, plain, label);
  if (!Array.isArray(keys.value))
    throw new PolysemeError(`${label}: its list of storages is missing`, 'damaged');
  const offsets = new Map<string, number>();
  let at = keys.end;
  for (const key of keys.value as Pickled[]) {
    const storage = storages.get(String(key));
    if (storage === undefined)
      throw new PolysemeError(`${label}: storage ${String(key)} belongs to no tensor`, 'damaged');
    const count = Number(new DataView((await file.bytes(at, 8)).buffer).getBigInt64(0, true));
    if (count < storage.count)
      throw new PolysemeError(
        `${label}: storage ${storage.key} holds ${count} numbers, not ${storage.count}`,
        'damaged',
      );
    offsets.set(storage.key, at + 8);
    at += 8 + count * DTYPE_BYTES[storage.dtype];
  }
  return dictionary(
    file,
    object.value,
    async ({ key }) => offsets.get(key) ?? refuse(label, `storage ${key}`),
  );
}

function dictionary(
  file: RandomFile,
  value: Pickled,
  offsetOf: (storage: Storage) => Promise<number>,
): TensorFile {
  const { label } = file;
  if (!(value instanceof Map))
    throw new PolysemeError(`${label}: holds no dictionary of tensors; save the state_dict`, 'damaged');
  const tensors = new Map<string, Tensor>();
  const values = new Map<string, unknown>();
  for (const [key, item] of value) {
    if (typeof key !== 'string')
      throw new PolysemeError(`${label}: its dictionary has a key that is no text`, 'damaged');
    if (item instanceof Tensor) tensors.set(key, item);
    else values.set(key, item);
  }
  return {
    label,
    container: 'torch',
    tensors: new Map(
      [...tensors].map(([name, { shape, storage }]) => [name, { shape, dtype: storage.dtype }]),
    ),
    values,
    read: async (name) => {
      const tensor = tensors.get(name)!;
      return readStrided(file, tensor, await offsetOf(tensor.storage));
    },
    close: () => file.close(),
  };
}

async function readStrided(file: RandomFile, tensor: Tensor, base: number): Promise<LoadedTensor> {
  const { shape, strides, storage, offset } = tensor;
  const { dtype } = storage;
  const position = base + offset * DTYPE_BYTES[dtype];
  const count = shape.reduce((product, size) => product * size, 1);
  const rowMajor = isDense(shape, strides);
  const columnMajor =
    !rowMajor && shape.length === 2 && isDense([...shape].reverse(), [...strides].reverse());
  if (rowMajor || columnMajor || count === 0) {
    const data = await readFloats(file, position, count, dtype);
    const stored = columnMajor ? [...shape].reverse() : shape;
    return { data, shape, columnMajor, ref: file.ref(dtype, stored, position) };
  }
  const span = shape.reduce((sum, size, i) => sum + (size - 1) * strides[i]!, 1);
  const source = await readFloats(file, position, span, dtype);
  const data = new Float32Array(count);
  const index = shape.map(() => 0);
  for (let i = 0; i < count; i++) {
    data[i] = source[index.reduce((sum, n, axis) => sum + n * strides[axis]!, 0)]!;
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
  return { data, shape, columnMajor: false };
}

function isDense(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== expected) return false;
    expected *= shape[i]!;
  }
  return true;
}

function tooLong({ label }: RandomFile, size: number): PolysemeError {
  return new PolysemeError(
    `${label}: its pickle claims ${size} bytes; no more than ${MAX_PICKLE} are read`,
    'damaged',
  );
}
