import { type FileHandle, realpath } from 'node:fs/promises';
import { MAX_TRANSFER } from '../base/files.ts';
import { HALF_VALUES } from '../base/half.ts';
import { openToRead } from '../base/read-file.ts';
import { PolysemeError } from '../errors.ts';

/** Element types of a safetensors file that have a whole number of bytes, with that number. */
export const DTYPE_BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
} as const;

/** Element type, by its name in the file. */
export type Dtype = keyof typeof DTYPE_BYTES;

/** Where a tensor lies; its values are little-endian, row-major. */
export interface TensorRef {
  /** The file with every symbolic link resolved. */
  readonly file: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** First byte, counted from the start of the file. */
  readonly offset: number;
  /** In bytes. */
  readonly length: number;
}

/** Anything with named tensors: one file's header, or a whole checkpoint. */
export interface TensorSource {
  readonly tensors: ReadonlyMap<string, TensorRef>;
}

export interface SafetensorsHeader extends TensorSource {
  /** The file with every symbolic link resolved. */
  readonly file: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Bytes of JSON: the limit of the format's own readers. */
const MAX_HEADER = 100_000_000;
/** One file may hold this many tensors; the largest published checkpoints hold about 100,000 over all their shards. */
const MAX_TENSORS = 1_000_000;
/** One tensor may have this many dimensions. */
const MAX_RANK = 16;

/**
 * Reads the header of a safetensors file and checks it against the file's size; the data is not read.
 * Every lie (lengths, ranges, holes, overlaps, duplicate names) is an error that names file and tensor.
 */
export async function readSafetensorsHeader(path: string): Promise<SafetensorsHeader> {
  const file = await realpath(path).catch(cannotRead(path));
  const handle = await openToRead(file, { label: path });
  try {
    const { size } = await handle.stat();
    if (size < 8)
      throw new PolysemeError(
        `${path} is no safetensors file: ${size} bytes are less than its header`,
        'damaged',
      );
    const headerLength = Number((await readExactly(handle, 8, 0, path)).readBigUInt64LE());
    if (headerLength > MAX_HEADER) {
      throw new PolysemeError(
        `${path} is no safetensors file: a header of ${headerLength} bytes (limit ${MAX_HEADER})`,
        'damaged',
      );
    }
    if (8 + headerLength > size) {
      throw new PolysemeError(
        `${path} is truncated: ${size} bytes, its header alone says ${8 + headerLength}`,
        'damaged',
      );
    }
    const text = decodeUtf8(await readExactly(handle, headerLength, 8, path), path);
    return { file, ...checkHeader(text, { file, path, dataStart: 8 + headerLength, size }) };
  } finally {
    await handle.close();
  }
}

/**
 * One tensor's values as float32 (F64 is rounded), for the few that are needed in JavaScript; the runtime maps
 * weights in place. Only F32, F16, BF16 and F64.
 */
export async function readTensor(source: TensorSource, name: string): Promise<Float32Array<ArrayBuffer>> {
  const ref = tensorOf(source, name);
  const handle = await openToRead(ref.file);
  try {
    const bytes = await readExactly(handle, ref.length, ref.offset, ref.file);
    return toFloat32(bytes, ref, name);
  } finally {
    await handle.close();
  }
}

// ---------------------------------------------------------------- header

interface FileFacts {
  /** Real path, for the references. */
  file: string;
  /** The path as the caller knows it, for messages. */
  path: string;
  dataStart: number;
  size: number;
}

function checkHeader(text: string, facts: FileFacts): Pick<SafetensorsHeader, 'tensors' | 'metadata'> {
  const { path, size, dataStart } = facts;
  const header = parseObject(text, path);
  const duplicate = duplicateKey(text);
  if (duplicate !== undefined)
    throw new PolysemeError(`${path}: its header names ${quote(duplicate)} twice`, 'damaged');
  const entries = Object.entries(header).filter(([name]) => name !== '__metadata__');
  if (entries.length > MAX_TENSORS) {
    throw new PolysemeError(`${path}: ${entries.length} tensors (limit ${MAX_TENSORS})`);
  }

  const tensors = new Map<string, TensorRef>();
  for (const [name, entry] of entries) tensors.set(name, checkEntry(name, entry, facts));

  let end = dataStart;
  const inOrder = [...tensors].sort(([, a], [, b]) => a.offset - b.offset || a.length - b.length);
  for (const [name, { offset, length }] of inOrder) {
    if (offset < end)
      throw new PolysemeError(`${path}: tensor ${quote(name)} overlaps the one before it`, 'damaged');
    if (offset > end) {
      throw new PolysemeError(
        `${path}: a hole of ${offset - end} bytes before tensor ${quote(name)}`,
        'damaged',
      );
    }
    end = offset + length;
  }
  if (end < size)
    throw new PolysemeError(`${path}: ${size - end} bytes after its last tensor belong to none`, 'damaged');
  return { tensors, metadata: checkMetadata(header['__metadata__'], path) };
}

function checkEntry(name: string, entry: unknown, { file, path, dataStart, size }: FileFacts): TensorRef {
  const where = `${path}: tensor ${quote(name)}`;
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  if (typeof dtype !== 'string' || !Object.hasOwn(DTYPE_BYTES, dtype)) {
    throw new PolysemeError(
      `${where} has the element type ${quote(dtype)}; known are ${Object.keys(DTYPE_BYTES).join(', ')}`,
    );
  }
  if (!Array.isArray(shape) || shape.length > MAX_RANK || !shape.every(isCount)) {
    throw new PolysemeError(
      `${where} has the shape ${quote(shape)}; it must be at most ${MAX_RANK} non-negative integers`,
      'damaged',
    );
  }
  if (
    !Array.isArray(offsets) ||
    offsets.length !== 2 ||
    !offsets.every(isCount) ||
    offsets[0]! > offsets[1]!
  ) {
    throw new PolysemeError(
      `${where} has the data_offsets ${quote(offsets)}; they must be [start, end]`,
      'damaged',
    );
  }
  const [start, end] = offsets as [number, number];
  if (dataStart + end > size) {
    throw new PolysemeError(
      `${where} ends at byte ${dataStart + end}, the file is truncated at ${size}`,
      'damaged',
    );
  }
  const expected = shape.reduce<number>((product, n) => product * n, DTYPE_BYTES[dtype as Dtype]);
  if (end - start !== expected) {
    throw new PolysemeError(
      `${where} has ${end - start} bytes, its shape [${shape}] of ${dtype} needs ${expected}`,
      'damaged',
    );
  }
  return { file, dtype: dtype as Dtype, shape, offset: dataStart + start, length: expected };
}

function checkMetadata(metadata: unknown, path: string): Record<string, string> {
  if (metadata === undefined || metadata === null) return {};
  if (typeof metadata === 'object' && Object.values(metadata).every((value) => typeof value === 'string')) {
    return metadata as Record<string, string>;
  }
  throw new PolysemeError(`${path}: its __metadata__ must map names to strings`, 'damaged');
}

function parseObject(text: string, path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {}
  throw new PolysemeError(`${path} is no safetensors file: its header is not a JSON object`, 'damaged');
}

/** The first key that valid JSON `text` repeats in its outermost object; JSON.parse keeps the last one silently. */
function duplicateKey(text: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (depth === 1 && token.endsWith(':')) {
      const key = JSON.parse(token.slice(0, -1)) as string;
      if (seen.has(key)) return key;
      seen.add(key);
    }
  }
  return undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function decodeUtf8(bytes: Buffer, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new PolysemeError(`${path} is no safetensors file: its header is not UTF-8`, 'damaged');
  }
}

// ---------------------------------------------------------------- data

/** The reference of a tensor that must be there. */
export function tensorOf(source: TensorSource, name: string): TensorRef {
  const ref = source.tensors.get(name);
  if (ref === undefined) throw new PolysemeError(`the checkpoint has no tensor ${quote(name)}`, 'not-found');
  return ref;
}

function toFloat32(bytes: Buffer, { dtype, file }: TensorRef, name: string): Float32Array<ArrayBuffer> {
  const { buffer } = bytes as { buffer: ArrayBuffer };
  if (dtype === 'F32') return new Float32Array(buffer);
  if (dtype === 'F64') return Float32Array.from(new Float64Array(buffer));
  if (dtype === 'F16') return Float32Array.from(new Uint16Array(buffer), (half) => HALF_VALUES[half]!);
  if (dtype === 'BF16') {
    const bits = Uint32Array.from(new Uint16Array(buffer), (half) => half << 16);
    return new Float32Array(bits.buffer);
  }
  throw new PolysemeError(
    `${file}: tensor ${quote(name)} is ${dtype}; F32, F16, BF16 or F64 is needed`,
    'unsupported',
  );
}

/** A buffer of its own ArrayBuffer, so that any element type can view it. */
async function readExactly(
  handle: FileHandle,
  length: number,
  position: number,
  path: string,
): Promise<Buffer> {
  const bytes = Buffer.from(new ArrayBuffer(length));
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(
      bytes,
      done,
      Math.min(length - done, MAX_TRANSFER),
      position + done,
    );
    if (bytesRead === 0)
      throw new PolysemeError(`${path} is truncated: it ends at byte ${position + done}`, 'damaged');
    done += bytesRead;
  }
  return bytes;
}

function quote(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}

function cannotRead(path: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    const reason = error.code === 'ENOENT' ? 'no such file' : error.message;
    throw new PolysemeError(`cannot read ${path}: ${reason}`);
  };
}
