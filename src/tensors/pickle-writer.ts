import { PolysemeError } from '../errors.ts';
import type { Matrix } from './matrix.ts';

/** A tensor to be written: 32-bit floats or integers. */
export interface TensorToWrite {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly data: Float32Array | Int32Array | BigInt64Array;
}

/** A matrix as it is stored, in whichever order. */
export function matrixToWrite({ data, rows, cols, transposed }: Matrix): TensorToWrite {
  return { shape: [rows, cols], strides: transposed ? [1, rows] : [cols, 1], data };
}

/** What `writePickle` can write. */
export type Writable = string | number | TensorToWrite | { [key: string]: Writable };

/** Storage classes by typed array. */
const STORAGE = { Float32Array: 'FloatStorage', Int32Array: 'IntStorage', BigInt64Array: 'LongStorage' };

/**
 * Pickles (protocol 2) a dictionary of tensors, strings, whole numbers and dictionaries, as `torch.save`
 * would; the i-th tensor's numbers belong into the archive's `data/i`.
 */
export function writePickle(value: { [key: string]: Writable }): {
  bytes: Uint8Array;
  storages: TensorToWrite['data'][];
} {
  const out: number[] = [0x80, 2];
  const storages: TensorToWrite['data'][] = [];
  const utf8 = new TextEncoder();

  const uint32 = (n: number) => out.push(n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24);
  const text = (s: string) => {
    const encoded = utf8.encode(s);
    out.push(0x58);
    uint32(encoded.length);
    out.push(...encoded);
  };
  const integer = (n: number) => {
    if (!Number.isSafeInteger(n))
      throw new PolysemeError(`${n} cannot be written to a .pt file as a whole number`);
    if (n === (n | 0)) {
      out.push(0x4a);
      uint32(n);
      return;
    }
    const wide = new Uint8Array(BigInt64Array.of(BigInt(n)).buffer);
    out.push(0x8a, wide.length, ...wide);
  };
  const global = (module: string, name: string) => out.push(0x63, ...utf8.encode(`${module}\n${name}\n`));
  const tuple = (items: readonly number[]) => {
    out.push(0x28);
    for (const item of items) integer(item);
    out.push(0x74);
  };
  const tensor = ({ shape, strides, data }: TensorToWrite) => {
    global('torch._utils', '_rebuild_tensor_v2');
    out.push(0x28, 0x28);
    text('storage');
    global('torch', STORAGE[data.constructor.name as keyof typeof STORAGE]);
    text(String(storages.length));
    text('cpu');
    integer(data.length);
    out.push(0x74, 0x51);
    integer(0);
    tuple(shape);
    tuple(strides);
    out.push(0x89);
    global('collections', 'OrderedDict');
    out.push(0x29, 0x52, 0x74, 0x52);
    storages.push(data);
  };
  const write = (item: Writable): void => {
    if (typeof item === 'string') text(item);
    else if (typeof item === 'number') integer(item);
    else if (isTensor(item)) tensor(item);
    else {
      out.push(0x7d, 0x28);
      for (const [key, inner] of Object.entries(item)) {
        text(key);
        write(inner as Writable);
      }
      out.push(0x75);
    }
  };
  write(value);
  out.push(0x2e);
  return { bytes: Uint8Array.from(out), storages };
}

function isTensor(item: object): item is TensorToWrite {
  return 'data' in item && ArrayBuffer.isView((item as TensorToWrite).data);
}
