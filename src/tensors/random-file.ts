import { statSync } from 'node:fs';
import { type FileHandle, realpath } from 'node:fs/promises';
import { MAX_TRANSFER } from '../base/files.ts';
import { HALF_VALUES } from '../base/half.ts';
import { openToRead } from '../base/read-file.ts';
import { PolysemeError } from '../errors.ts';
import type { FileTensorRef } from './matrix.ts';
import { DTYPE_BYTES, type Dtype } from './safetensors.ts';

/** Elements converted at a time where the file does not hold 32-bit floats. */
const CHUNK = 2 ** 18;

/** A file open for reading at any offset. */
export interface RandomFile {
  /** Absolute path, symbolic links resolved. */
  readonly path: string;
  /** The path as the caller knows it, for messages. */
  readonly label: string;
  readonly size: number;
  /** Fills `target` from `position`; throws where the file ends before. */
  readInto(target: Uint8Array, position: number): Promise<void>;
  bytes(position: number, length: number): Promise<Uint8Array>;
  /** Where a tensor lies, for ONNX Runtime to map. */
  ref(dtype: Dtype, shape: readonly number[], offset: number): FileTensorRef;
  close(): Promise<void>;
}

export async function openFile(path: string, label = path): Promise<RandomFile> {
  const real = await realpath(path).catch(() => {
    throw new PolysemeError(`${label}: no such file`, 'not-found');
  });
  const handle = await openToRead(real, { label });
  const { size, mtimeMs } = await handle.stat();
  const readInto = async (target: Uint8Array, position: number): Promise<void> => {
    if (position + target.length > size) throw truncated(label, size, position + target.length);
    await fill(handle, target, position, label);
  };
  return {
    path: real,
    label,
    size,
    readInto,
    async bytes(position, length) {
      if (position + length > size) throw truncated(label, size, position + length);
      const target = new Uint8Array(length);
      await readInto(target, position);
      return target;
    },
    ref: (dtype, shape, offset) => ({
      file: real,
      dtype,
      shape,
      offset,
      length: shape.reduce((product, n) => product * n, DTYPE_BYTES[dtype]),
      unchanged() {
        const now = statSync(real, { throwIfNoEntry: false });
        return now?.size === size && now.mtimeMs === mtimeMs;
      },
    }),
    close: () => handle.close(),
  };
}

/**
 * `count` elements at `position` as 32-bit floats: floats are read straight into the array that is returned,
 * other types converted piece by piece.
 */
export async function readFloats(
  file: Pick<RandomFile, 'readInto' | 'size' | 'label'>,
  position: number,
  count: number,
  dtype: Dtype,
): Promise<Float32Array> {
  const end = position + count * DTYPE_BYTES[dtype];
  if (end > file.size) throw truncated(file.label, file.size, end);
  const out = new Float32Array(count);
  if (dtype === 'F32') {
    await file.readInto(new Uint8Array(out.buffer), position);
    return out;
  }
  for (let start = 0; start < count; start += CHUNK) {
    const length = Math.min(CHUNK, count - start);
    const bytes = new Uint8Array(length * DTYPE_BYTES[dtype]);
    await file.readInto(bytes, position + start * DTYPE_BYTES[dtype]);
    convert(bytes, dtype, out.subarray(start, start + length));
  }
  return out;
}

/** Converts little-endian elements to 32-bit floats. */
export function convert(bytes: Uint8Array, dtype: Dtype, out: Float32Array): void {
  const { buffer } = bytes;
  switch (dtype) {
    case 'F64':
      out.set(new Float64Array(buffer));
      return;
    case 'F32':
      out.set(new Float32Array(buffer));
      return;
    case 'F16': {
      const bits = new Uint16Array(buffer);
      for (let i = 0; i < bits.length; i++) out[i] = HALF_VALUES[bits[i]!]!;
      return;
    }
    case 'BF16': {
      const bits = new Uint16Array(buffer);
      const whole = new Uint32Array(out.buffer, out.byteOffset, out.length);
      for (let i = 0; i < bits.length; i++) whole[i] = bits[i]! << 16;
      return;
    }
    case 'I64': {
      const numbers = new BigInt64Array(buffer);
      for (let i = 0; i < numbers.length; i++) out[i] = Number(numbers[i]);
      return;
    }
    case 'I32':
      out.set(new Int32Array(buffer));
      return;
    case 'I16':
      out.set(new Int16Array(buffer));
      return;
    case 'I8':
      out.set(new Int8Array(buffer));
      return;
    case 'U8':
    case 'BOOL':
      out.set(bytes);
      return;
    default:
      throw new PolysemeError(`elements of type ${dtype} cannot be read as numbers here`, 'unsupported');
  }
}

/** The bytes of numbers, over the same memory. */
export function bytesOf(data: Float32Array | Int32Array | BigInt64Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

async function fill(handle: FileHandle, target: Uint8Array, position: number, label: string): Promise<void> {
  for (let at = 0; at < target.length; ) {
    const { bytesRead } = await handle.read(
      target,
      at,
      Math.min(target.length - at, MAX_TRANSFER),
      position + at,
    );
    if (bytesRead === 0) throw truncated(label, position + at, position + target.length);
    at += bytesRead;
  }
}

function truncated(label: string, size: number, needed: number): PolysemeError {
  return new PolysemeError(
    `${label}: the file ends at byte ${size}, but its header needs ${needed}; it is truncated or damaged, fetch it again`,
    'damaged',
  );
}
