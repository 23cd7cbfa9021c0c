import { PolysemeError } from '../errors.ts';
import type { Pickled, PickleRules } from './pickle.ts';
import type { Dtype } from './safetensors.ts';
import { elementsOf, MAX_TENSORS } from './tensors.ts';

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

/** A flat array of numbers that tensors are views of; `key` says where its bytes are. */
export class Storage {
  readonly key: string;
  readonly dtype: Dtype;
  readonly count: number;
  constructor(key: string, dtype: Dtype, count: number) {
    this.key = key;
    this.dtype = dtype;
    this.count = count;
  }
}

/** A strided view of a storage, checked to lie inside it. */
export class Tensor {
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

/**
 * What a pickle of tensors may be made of: dictionaries, tensors and their storages.
 * @param storages receives the storages that it mentions
 */
export function rulesFor(label: string, storages = new Map<string, Storage>()): PickleRules {
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
      'damaged',
    );
  }
  return new Tensor(storage, offset as number, sizes, steps);
}

export function refuse(label: string, request: string): never {
  throw new PolysemeError(`${label}: its pickle asks for ${request}; refused, nothing was run`, 'damaged');
}
