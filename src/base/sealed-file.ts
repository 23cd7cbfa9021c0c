import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { PolysemeError } from '../errors.ts';
import { MAX_TRANSFER, writeWhole } from './files.ts';
import { ARRAY_TYPES, type ArrayType, type PackedArray, typeOf } from './pack.ts';

/**
 * A file of named arrays, each of which can be read alone and is checked when it is: a magic word, the arrays, an index
 * of them in JSON with the SHA-256 of each, and the index's length and SHA-256.
 */
export interface SealedFile {
  readonly path: string;
  /** What its writer says of it; plain JSON, to be checked by the reader. */
  readonly head: Readonly<Record<string, unknown>>;
  /** SHA-256 of its head and arrays: equal for files of equal content, in whatever order that was written. */
  readonly digest: string;
  readonly names: readonly string[];
  has(name: string): boolean;
  /** @throws PolysemeError (damaged) where the array is not there, or not what was written */
  read(name: string): Promise<PackedArray>;
  /** Reads all arrays, to their last byte. @throws as `read` */
  check(): Promise<void>;
}

/** Where an array lies: type, length, byte offset, SHA-256. */
type Entry = readonly [type: ArrayType, length: number, offset: number, sha256: string];

interface Index {
  readonly head: Readonly<Record<string, unknown>>;
  readonly arrays: Readonly<Record<string, Entry>>;
}

const MAGIC = Buffer.from('sealed-1');
/** Length of the index (two 32-bit words), its SHA-256, and the magic word again. */
const TRAILER = 8 + 32 + MAGIC.length;
/** Longest index, in bytes. */
const INDEX_LIMIT = 2 ** 28;

/** Writes a sealed file whole or not at all; arrays are asked for one after another. Returns its digest. */
export async function writeSealed(
  path: string,
  head: Readonly<Record<string, unknown>>,
  arrays: Iterable<readonly [string, PackedArray]> | AsyncIterable<readonly [string, PackedArray]>,
): Promise<string> {
  const entries: Record<string, Entry> = {};
  /** What asking for arrays threw: no fault of writing. */
  let thrown: { readonly error: unknown } | null = null;
  async function* made(): AsyncGenerator<readonly [string, PackedArray]> {
    try {
      yield* arrays;
    } catch (error) {
      thrown = { error };
      throw error;
    }
  }
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield MAGIC;
    let at = MAGIC.length;
    for await (const [name, array] of made()) {
      const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
      if (Object.hasOwn(entries, name)) throw new Error(`${path}: two arrays ${name}`);
      entries[name] = [typeOf(array), array.length, at, createHash('sha256').update(bytes).digest('hex')];
      yield bytes;
      const padding = (8 - (bytes.length % 8)) % 8;
      if (padding > 0) yield new Uint8Array(padding);
      at += bytes.length + padding;
    }
    const index = Buffer.from(JSON.stringify({ head, arrays: entries } satisfies Index));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(index.length));
    yield Buffer.concat([index, length, createHash('sha256').update(index).digest(), MAGIC]);
  }
  await writeWhole(path, chunks()).catch((error) => {
    throw thrown === null ? error : thrown.error;
  });
  return digestOf({ head, arrays: entries });
}

/**
 * Opens a sealed file; it is held open only while it is read, so that thousands may be open.
 * @param what it should be, as an error says it: `a plan of a run`
 */
export async function openSealed(path: string, what: string): Promise<SealedFile> {
  const { head, arrays } = await withHandle(path, (handle) => readIndex(handle, path, what));
  const read = (name: string): Promise<PackedArray> => {
    const entry = Object.hasOwn(arrays, name) ? arrays[name] : undefined;
    return withHandle(path, (handle) => readArray(handle, path, name, entry));
  };
  const names = Object.keys(arrays);
  return {
    path,
    head,
    digest: digestOf({ head, arrays }),
    names,
    has: (name) => Object.hasOwn(arrays, name),
    read,
    async check() {
      for (const name of names) await read(name);
    },
  };
}

/** Whether a file begins as one that is sealed, damaged or not. */
export function isSealed(path: string): Promise<boolean> {
  return withHandle(path, async (handle) => {
    const head = Buffer.alloc(MAGIC.length);
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    return bytesRead === head.length && head.equals(MAGIC);
  });
}

async function withHandle<T>(path: string, read: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw new PolysemeError(`${path}: there is no such file`, 'not-found');
    throw new PolysemeError(`cannot read ${path}: ${error.message}`);
  });
  try {
    return await read(handle);
  } finally {
    await handle.close();
  }
}

async function readIndex(handle: FileHandle, path: string, what: string): Promise<Index> {
  const { size } = await handle.stat();
  const other = () => new PolysemeError(`${path} is not ${what}, or it was cut short`, 'damaged');
  if (size < MAGIC.length + TRAILER) throw other();
  const trailer = await readExactly(handle, size - TRAILER, TRAILER);
  if (!trailer.subarray(40).equals(MAGIC)) throw other();
  const length = Number(trailer.readBigUInt64LE(0));
  const start = size - TRAILER - length;
  if (length > INDEX_LIMIT || start < MAGIC.length) throw other();
  const bytes = await readExactly(handle, start, length);
  if (!createHash('sha256').update(bytes).digest().equals(trailer.subarray(8, 40)))
    throw altered(path, 'its index');
  const index = JSON.parse(bytes.toString('utf8')) as Index;
  for (const [name, [type, count, offset, sha256]] of Object.entries(index.arrays)) {
    const width = Object.hasOwn(ARRAY_TYPES, type) ? ARRAY_TYPES[type].BYTES_PER_ELEMENT : 0;
    const fits =
      [count, offset].every((n) => Number.isSafeInteger(n) && n >= 0) && offset + count * width <= start;
    if (width === 0 || !fits || typeof sha256 !== 'string') throw altered(path, `the entry of ${name}`);
  }
  return index;
}

async function readArray(
  handle: FileHandle,
  path: string,
  name: string,
  entry: Entry | undefined,
): Promise<PackedArray> {
  if (entry === undefined) throw new PolysemeError(`${path} is damaged: it has no ${name}`, 'damaged');
  const [type, length, offset, sha256] = entry;
  const Type = ARRAY_TYPES[type];
  const bytes = await readExactly(handle, offset, length * Type.BYTES_PER_ELEMENT);
  if (createHash('sha256').update(bytes).digest('hex') !== sha256) throw altered(path, name);
  return new Type(bytes.buffer as ArrayBuffer, bytes.byteOffset, length);
}

/** The bytes, in memory of their own. */
async function readExactly(handle: FileHandle, from: number, length: number): Promise<Buffer> {
  const bytes = Buffer.from(new ArrayBuffer(length));
  for (let at = 0; at < length; ) {
    const { bytesRead } = await handle.read(bytes, at, Math.min(length - at, MAX_TRANSFER), from + at);
    if (bytesRead === 0) throw new PolysemeError('a file of a divided run was cut short', 'damaged');
    at += bytesRead;
  }
  return bytes;
}

function digestOf({ head, arrays }: Index): string {
  const all = Object.entries(arrays).map(([name, [type, length, , sha256]]) => [name, type, length, sha256]);
  all.sort(([a], [b]) => (a! < b! ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([head, all]))
    .digest('hex');
}

function altered(path: string, what: string): PolysemeError {
  return new PolysemeError(
    `${path} is damaged: ${what} is not what was written (its SHA-256 differs); make it anew`,
    'damaged',
  );
}
