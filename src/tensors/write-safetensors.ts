import { writeWhole } from '../base/files.ts';
import { PolysemeError } from '../errors.ts';
import { DTYPE_BYTES, type Dtype } from './safetensors.ts';

/** A tensor to write. `dtype` is needed only where the array's type does not tell it (F16 and BF16 bits in a Uint16Array). */
export interface TensorData {
  readonly data:
    | Float32Array
    | Float64Array
    | Uint8Array
    | Int8Array
    | Uint16Array
    | Int16Array
    | Uint32Array
    | Int32Array
    | BigInt64Array
    | BigUint64Array;
  readonly shape: readonly number[];
  readonly dtype?: Dtype;
}

/**
 * Writes a safetensors file, whole or not at all. The data is written from where it lies, and each tensor starts at a
 * multiple of its element size.
 */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, TensorData>>,
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  const entries = Object.entries(tensors).map(([name, tensor]) => ({
    name,
    ...describe(path, name, tensor),
  }));
  entries.sort((a, b) => DTYPE_BYTES[b.dtype] - DTYPE_BYTES[a.dtype] || (a.name < b.name ? -1 : 1));

  const header = encodeHeader(
    entries.map(({ bytes, ...entry }) => ({ ...entry, length: bytes.length })),
    metadata,
  );
  await writeWhole(path, [header, ...entries.map(({ bytes }) => bytes)]);
}

/** A tensor of 32-bit floats whose values come piece by piece, in their order. */
export interface TensorStream {
  readonly name: string;
  readonly shape: readonly number[];
  values(): AsyncIterable<Float32Array>;
}

/** As writeSafetensors, for tensors that are made while they are written; of each piece `onBytes` is told. */
export async function streamSafetensors(
  path: string,
  tensors: readonly TensorStream[],
  onBytes: (bytes: Uint8Array) => void = () => {},
): Promise<void> {
  const entries = tensors.map(({ name, shape }) => ({
    name,
    dtype: 'F32' as const,
    shape,
    length: shape.reduce((product, n) => product * n, 4),
  }));
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    yield encodeHeader(entries);
    for (const [i, tensor] of tensors.entries()) {
      let written = 0;
      for await (const { buffer, byteOffset, byteLength } of tensor.values()) {
        yield new Uint8Array(buffer, byteOffset, byteLength);
        written += byteLength;
      }
      if (written !== entries[i]!.length) {
        throw new PolysemeError(
          `cannot write ${path}: tensor ${JSON.stringify(tensor.name)} has ${written} bytes, its shape [${tensor.shape}] needs ${entries[i]!.length}`,
        );
      }
    }
  };
  await writeWhole(
    path,
    (async function* () {
      for await (const piece of pieces()) {
        onBytes(piece);
        yield piece;
      }
    })(),
  );
}

/** The length and the JSON before the data of tensors that follow each other in this order. */
function encodeHeader(
  entries: readonly { name: string; dtype: Dtype; shape: readonly number[]; length: number }[],
  metadata?: Readonly<Record<string, string>>,
): Buffer {
  const fields: [string, unknown][] = metadata === undefined ? [] : [['__metadata__', metadata]];
  let end = 0;
  for (const { name, dtype, shape, length } of entries) {
    const start = end;
    end += length;
    fields.push([name, { dtype, shape, data_offsets: [start, end] }]);
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(fields)));
  const header = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ');
  header.writeBigUInt64LE(BigInt(header.length - 8));
  json.copy(header, 8);
  return header;
}

const ARRAY_DTYPES = new Map<unknown, Dtype>([
  [Float32Array, 'F32'],
  [Float64Array, 'F64'],
  [Uint8Array, 'U8'],
  [Int8Array, 'I8'],
  [Uint16Array, 'U16'],
  [Int16Array, 'I16'],
  [Uint32Array, 'U32'],
  [Int32Array, 'I32'],
  [BigInt64Array, 'I64'],
  [BigUint64Array, 'U64'],
]);

function describe(path: string, name: string, { data, shape, dtype: given }: TensorData) {
  const dtype = given ?? ARRAY_DTYPES.get(data.constructor);
  const needed = shape.reduce((product, n) => product * n, 1);
  if (name === '__metadata__' || dtype === undefined || DTYPE_BYTES[dtype] !== data.BYTES_PER_ELEMENT) {
    throw new PolysemeError(
      `cannot write ${path}: tensor ${JSON.stringify(name)} as ${given} from ${data.constructor.name}`,
    );
  }
  if (needed !== data.length) {
    throw new PolysemeError(
      `cannot write ${path}: tensor ${JSON.stringify(name)} has ${data.length} values, its shape [${shape}] needs ${needed}`,
    );
  }
  return { dtype, shape, bytes: Buffer.from(data.buffer, data.byteOffset, data.byteLength) };
}
