import { PolysemeError } from '../../errors.ts';
import { bytesOf, openFile, type RandomFile, readFloats, writeFileWhole } from './bytes.ts';
import { MAX_PICKLE, type Pickled, type PickleRules, readPickle } from './pickle.ts';
import { type Writable, writePickle } from './pickle-writer.ts';
import { BYTES, type Dtype, elementsOf, type LoadedTensor, MAX_TENSORS, type TensorFile } from './tensors.ts';
import { dataOffset, openEntry, readZip, writeZip } from './zip.ts';

const STORAGES: Readonly<Record<string, Dtype>> = {
  'torch.DoubleStorage': 'F64',
  'torch.FloatStorage': 'F32',
  'torch.HalfStorage': 'F16',
  'torch.BFloat16Storage': 'BF16',
  'torch.LongStorage': 'I64',
  'torch.IntStorage': 'I32',
  'torch.ShortStorage': 'I16',
  'torch.CharStorage': 'I8',
  'torch.ByteStorage': 'U8',
  'torch.BoolStorage': 'BOOL',
};
const DTYPES = [
  'float64',
  'float32',
  'float16',
  'bfloat16',
  'int64',
  'int32',
  'int16',
  'int8',
  'uint8',
  'bool',
];

/** Everything that a pickle of a state dictionary may mention. */
const ALLOWED: ReadonlySet<string> = new Set([
  'collections.OrderedDict',
  'torch._utils._rebuild_tensor_v2',
  'torch._utils._rebuild_parameter',
  'torch.Size',
  'torch.device',
  ...Object.keys(STORAGES),
  ...DTYPES.map((name) => `torch.${name}`),
]);

/** First number of a file that torch wrote before 1.6. */
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;

class Storage {
  readonly key: string;
  readonly dtype: Dtype;
  readonly count: number;
  constructor(key: string, dtype: Dtype, count: number) {
    this.key = key;
    this.dtype = dtype;
    this.count = count;
  }
}

class Tensor {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  constructor(storage: Storage, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

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
  await writeFileWhole(path, writeZip(entries));
}

async function openArchive(file: RandomFile): Promise<TensorFile> {
  const entries = await readZip(file);
  const pickles = [...entries.values()].filter(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickles.length !== 1)
    throw new PolysemeError(`${file.label}: a zip archive, but not of torch (no data.pkl)`);
  const prefix = pickles[0]!.name.slice(0, -'data.pkl'.length);
  const order = entries.get(`${prefix}byteorder`);
  if (order !== undefined) {
    const entry = await openEntry(file, order);
    const text = new TextDecoder().decode(await entry.bytes(0, Math.min(16, entry.size)));
    if (text !== 'little')
      throw new PolysemeError(`${file.label}: its numbers are ${text}-endian; only little is read`);
  }
  if (pickles[0]!.size > MAX_PICKLE) throw tooLong(file, pickles[0]!.size);
  const entry = await openEntry(file, pickles[0]!);
  const pickle = await entry.bytes(0, entry.size);
  const { value } = readPickle(pickle, 0, rulesFor(file.label), file.label);
  return dictionary(file, value, async ({ key, count, dtype }) => {
    const data = entries.get(`${prefix}data/${key}`);
    if (data === undefined || data.deflated || data.size < count * BYTES[dtype]) {
      throw new PolysemeError(
        `${file.label}: storage ${key} should hold ${count} ${dtype}, but ${data === undefined ? 'is missing' : `has ${data.size} bytes`}; the file is damaged`,
      );
    }
    return dataOffset(file, data);
  });
}

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
    );
  }
  if (first.value !== LEGACY_MAGIC) {
    throw new PolysemeError(`${label}: a pickle, but not of torch.save (its magic number is missing)`);
  }
  const version = readPickle(head, first.end, plain, label);
  const system = readPickle(head, version.end, plain, label);
  const storages = new Map<string, Storage>();
  const object = readPickle(head, system.end, rulesFor(label, storages), label);
  const keys = readPickle(head, object.end, plain, label);
  if (!Array.isArray(keys.value)) throw new PolysemeError(`${label}: its list of storages is missing`);
  const offsets = new Map<string, number>();
  let at = keys.end;
  for (const key of keys.value as Pickled[]) {
    const storage = storages.get(String(key));
    if (storage === undefined)
      throw new PolysemeError(`${label}: storage ${String(key)} belongs to no tensor`);
    const count = Number(new DataView((await file.bytes(at, 8)).buffer).getBigInt64(0, true));
    if (count < storage.count)
      throw new PolysemeError(
        `${label}: storage ${storage.key} holds ${count} numbers, not ${storage.count}`,
      );
    offsets.set(storage.key, at + 8);
    at += 8 + count * BYTES[storage.dtype];
  }
  return dictionary(
    file,
    object.value,
    async ({ key }) => offsets.get(key) ?? refuse(label, `storage ${key}`),
  );
}

function rulesFor(label: string, storages = new Map<string, Storage>()): PickleRules {
  return {
    allowed: ALLOWED,
    persistent(id) {
      const [kind, type, key, , count] = Array.isArray(id) ? (id as Pickled[]) : [];
      const dtype = STORAGES[(type as { name?: string } | undefined)?.name ?? ''];
      if (kind !== 'storage' || dtype === undefined || typeof key !== 'string')
        return refuse(label, 'an unknown kind of storage');
      const known = storages.get(key);
      if (known !== undefined) return known;
      if (storages.size >= MAX_TENSORS) return refuse(label, `more than ${MAX_TENSORS} storages`);
      const storage = new Storage(key, dtype, elementsOf([count], label, `storage ${key}`));
      storages.set(key, storage);
      return storage;
    },
    call(name, args) {
      switch (name) {
        case 'collections.OrderedDict':
          if (args.length === 0) return new Map<Pickled, Pickled>();
          break;
        case 'torch._utils._rebuild_tensor_v2': {
          const [storage, offset, shape, strides] = args;
          if (storage instanceof Storage && Array.isArray(shape) && Array.isArray(strides)) {
            return tensorOf(storage, offset, shape as Pickled[], strides as Pickled[], label);
          }
          break;
        }
        case 'torch._utils._rebuild_parameter':
          if (args[0] instanceof Tensor) return args[0];
          break;
        case 'torch.Size':
          if (Array.isArray(args[0])) return args[0] as Pickled[];
          break;
        case 'torch.device':
          if (typeof args[0] === 'string') return args[0];
      }
      return refuse(label, `${name} with ${args.length} arguments of other kinds than torch writes`);
    },
  };
}

function tensorOf(
  storage: Storage,
  offset: Pickled | undefined,
  shape: readonly Pickled[],
  strides: readonly Pickled[],
  label: string,
): Tensor {
  const name = `in storage ${storage.key}`;
  const count = elementsOf(shape, label, name);
  elementsOf([offset], label, name);
  for (const stride of strides) elementsOf([stride], label, name);
  const sizes = shape as readonly number[];
  const steps = strides as readonly number[];
  const last = sizes.reduce((sum, size, i) => sum + (size - 1) * (steps[i] ?? Number.NaN), offset as number);
  if (count > 0 && !(last < storage.count)) {
    throw new PolysemeError(
      `${label}: a tensor of shape [${sizes.join(', ')}] reaches past its storage ${storage.key} of ${storage.count} numbers`,
    );
  }
  return new Tensor(storage, offset as number, sizes, steps);
}

function dictionary(
  file: RandomFile,
  value: Pickled,
  offsetOf: (storage: Storage) => Promise<number>,
): TensorFile {
  const { label } = file;
  if (!(value instanceof Map))
    throw new PolysemeError(`${label}: holds no dictionary of tensors; save the state_dict`);
  const tensors = new Map<string, Tensor>();
  const values = new Map<string, unknown>();
  for (const [key, item] of value) {
    if (typeof key !== 'string')
      throw new PolysemeError(`${label}: its dictionary has a key that is no text`);
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
  const position = base + offset * BYTES[dtype];
  const count = shape.reduce((product, size) => product * size, 1);
  const rowMajor = isDense(shape, strides);
  const columnMajor =
    !rowMajor && shape.length === 2 && isDense([...shape].reverse(), [...strides].reverse());
  if (rowMajor || columnMajor || count === 0) {
    const data = await readFloats(file, position, count, dtype);
    const stored = columnMajor ? [...shape].reverse() : shape;
    return { data, shape, columnMajor, place: file.place(dtype, stored, position) };
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

function refuse(label: string, what: string): never {
  throw new PolysemeError(`${label}: its pickle asks for ${what}; refused, nothing was run`);
}

function tooLong({ label }: RandomFile, size: number): PolysemeError {
  return new PolysemeError(`${label}: its pickle claims ${size} bytes; no more than ${MAX_PICKLE} are read`);
}
