import { realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { HALF_VALUES } from '../base/half.ts';
import { PolysemeError } from '../errors.ts';
import { DTYPE_BYTES, type Dtype, type TensorRef } from '../tensors/safetensors.ts';
import type { Field, WireFile } from './wire.ts';

/** A constant tensor of a file. */
export interface OnnxTensor {
  readonly name: string;
  /** TensorProto.DataType */
  readonly type: number;
  readonly shape: readonly number[];
  /** Where its numbers lie as plain little-endian ones; null where they are written otherwise. */
  readonly ref: TensorRef | null;
  /** Its TensorProto, where it is small or has no `ref`. */
  readonly encoded: Uint8Array | null;
  /** Its numbers, if they are few. */
  readonly values: readonly number[] | null;
}

/** Tensors of at most these bytes stay in the graph, as shapes and factors must. */
const MAX_SMALL = 1024;
/** One tensor may have this many dimensions. */
const MAX_RANK = 16;

/** Element types by their TensorProto.DataType number, in safetensors' names. */
const DTYPES: Readonly<Record<number, Dtype>> = {
  1: 'F32',
  2: 'U8',
  3: 'I8',
  4: 'U16',
  5: 'I16',
  6: 'I32',
  7: 'I64',
  9: 'BOOL',
  10: 'F16',
  11: 'F64',
  12: 'U32',
  13: 'U64',
  16: 'BF16',
};

/** Reads a TensorProto without its numbers, and checks that as many are there as its shape says. */
export function readTensorProto(
  wire: WireFile,
  path: string,
  range: Pick<Field, 'start' | 'end'>,
  givenName?: string,
): OnnxTensor {
  const parts = readParts(wire, range);
  const { type, shape } = parts;
  const name = givenName ?? parts.name;
  const where = `${path}: tensor ${JSON.stringify(name)}`;
  if (shape.length > MAX_RANK || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new PolysemeError(
      `${where} has the shape [${shape}]; it must be at most ${MAX_RANK} sizes`,
      'damaged',
    );
  }
  const count = shape.reduce((product, size) => product * size, 1);
  const dtype = DTYPES[type];
  const ref =
    dtype === undefined
      ? null
      : place(parts, { dtype, shape, bytes: count * DTYPE_BYTES[dtype] }, path, where);
  if (ref === null && parts.external !== null) {
    throw new PolysemeError(`${where} of element type ${type} in another file cannot be read`, 'unsupported');
  }
  const small = ref === null || (ref.length <= MAX_SMALL && parts.external === null);
  const encoded = small ? wire.take(range) : null;
  const values = small && count <= MAX_VALUES ? readValues(wire, parts, dtype) : null;
  if (values !== null && values.length !== count) {
    throw new PolysemeError(
      `${where} has ${values.length} numbers, its shape [${shape}] needs ${count}`,
      'damaged',
    );
  }
  return { name, type, shape, ref, encoded, values };
}

// ----------------------------------------------------------------

/** Numbers that are read out: factors, axes, short shapes. */
const MAX_VALUES = 16;

interface Parts {
  name: string;
  type: number;
  shape: number[];
  raw: Field | null;
  /** float_data, packed: the same bytes as raw_data. */
  packed: Field | null;
  /** Other repeated numbers. */
  numbers: Field[];
  external: Map<string, string> | null;
}

function readParts(wire: WireFile, { start, end }: Pick<Field, 'start' | 'end'>): Parts {
  const parts: Parts = {
    name: '',
    type: 0,
    shape: [],
    raw: null,
    packed: null,
    numbers: [],
    external: null,
  };
  let external = false;
  const entries = new Map<string, string>();
  for (const field of wire.fields(start, end)) {
    switch (field.number) {
      case 1:
        parts.shape.push(...wire.integers(field));
        break;
      case 2:
        parts.type = field.value;
        break;
      case 3:
        throw wire.damaged('a tensor in segments');
      case 4:
        if (field.end - field.start > 4) parts.packed = field;
        parts.numbers.push(field);
        break;
      case 5:
      case 7:
      case 10:
      case 11:
        parts.numbers.push(field);
        break;
      case 8:
        parts.name = wire.text(field);
        break;
      case 9:
        parts.raw = field;
        break;
      case 13: {
        const [key, value] = readEntry(wire, field);
        entries.set(key, value);
        break;
      }
      case 14:
        external = field.value === 1;
        break;
    }
  }
  if (external) parts.external = entries;
  return parts;
}

/** A StringStringEntryProto. */
function readEntry(wire: WireFile, { start, end }: Field): [string, string] {
  const entry = ['', ''];
  for (const field of wire.fields(start, end)) {
    if (field.number === 1 || field.number === 2) entry[field.number - 1] = wire.text(field);
  }
  return entry as [string, string];
}

/** Where the numbers lie, if they lie as they are in memory. */
function place(
  { raw, packed, numbers, external }: Parts,
  { dtype, shape, bytes }: { dtype: Dtype; shape: number[]; bytes: number },
  path: string,
  where: string,
): TensorRef | null {
  if (external !== null) return { ...placeOutside(external, bytes, path, where), dtype, shape };
  const found = raw ?? (dtype === 'F32' && packed !== null && numbers.length === 1 ? packed : null);
  if (found === null) {
    if (numbers.length === 0 && bytes > 0) {
      throw new PolysemeError(
        `${where} of shape [${shape}] holds no numbers: export the file again`,
        'damaged',
      );
    }
    return null;
  }
  const length = found.end - found.start;
  if (length !== bytes) {
    throw new PolysemeError(
      `${where} has ${length} bytes, its shape [${shape}] of ${dtype} needs ${bytes}`,
      'damaged',
    );
  }
  return { file: realpathSync(path), dtype, shape, offset: found.start, length };
}

/** Numbers in a file beside the ONNX file: its name must stay inside the folder. */
function placeOutside(
  entries: ReadonlyMap<string, string>,
  bytes: number,
  path: string,
  where: string,
): Pick<TensorRef, 'file' | 'offset' | 'length'> {
  const location = entries.get('location') ?? '';
  const parts = location.split('/');
  if (isAbsolute(location) || /[\\:\0]/.test(location) || parts.some((part) => /^\.{0,2}$/.test(part))) {
    throw new PolysemeError(
      `${where} lies in ${JSON.stringify(location)}, which is no file inside the folder of the ONNX file`,
      'damaged',
    );
  }
  const offset = wholeNumber(entries.get('offset'), 0);
  const length = wholeNumber(entries.get('length'), bytes);
  const beside = join(dirname(path), location);
  const status = statSync(beside, { throwIfNoEntry: false });
  if (!status?.isFile()) {
    throw new PolysemeError(
      `${where} lies in ${location}, which is not beside ${path}: put it there`,
      'not-found',
    );
  }
  if (length !== bytes) {
    throw new PolysemeError(
      `${where} has ${length} bytes in ${location}, its shape needs ${bytes}`,
      'damaged',
    );
  }
  if (!(offset + length <= status.size)) {
    throw new PolysemeError(
      `${where} ends at byte ${offset + length} of ${location}, which has ${status.size}: it is truncated`,
      'damaged',
    );
  }
  return { file: realpathSync(beside), offset, length };
}

function wholeNumber(text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}

function readValues(wire: WireFile, { raw, numbers }: Parts, dtype: Dtype | undefined): number[] | null {
  if (dtype === undefined) return null;
  if (raw !== null) return fromBytes(wire.take(raw).buffer as ArrayBuffer, dtype);
  const integers = () => numbers.flatMap((field) => wire.integers(field));
  switch (dtype) {
    case 'F32':
      return numbers.flatMap((field) => wire.floats(field));
    case 'F64':
      return numbers.flatMap((field) => wire.doubles(field));
    case 'F16':
      return integers().map((bits) => HALF_VALUES[bits & 0xffff]!);
    case 'BF16':
      return null;
    default:
      return integers();
  }
}

function fromBytes(buffer: ArrayBuffer, dtype: Dtype): number[] | null {
  switch (dtype) {
    case 'F32':
      return [...new Float32Array(buffer)];
    case 'F64':
      return [...new Float64Array(buffer)];
    case 'F16':
      return Array.from(new Uint16Array(buffer), (bits) => HALF_VALUES[bits]!);
    case 'I64':
      return Array.from(new BigInt64Array(buffer), Number);
    case 'I32':
      return [...new Int32Array(buffer)];
    default:
      return null;
  }
}
