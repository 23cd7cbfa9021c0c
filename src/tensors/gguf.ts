import { PolysemeError } from '../errors.ts';
import { GGML_TYPES, type GgmlType, OTHER_GGML_TYPES } from './ggml-types.ts';
import { openFile } from './random-file.ts';
import { MAX_ELEMENTS } from './tensors.ts';

/** A value of a file's metadata. 64-bit integers are numbers: those beyond 2^53 are refused. */
export type GgufValue = number | boolean | string | readonly (number | boolean | string)[];

/** Where a tensor lies, and how it is stored. */
export interface GgufTensor {
  readonly type: GgmlType;
  /** Outermost dimension first, as in PyTorch. */
  readonly shape: readonly number[];
  /** First byte, counted from the start of the file. */
  readonly offset: number;
  /** In bytes. */
  readonly length: number;
}

export interface GgufHeader {
  /** The path, for messages. */
  readonly label: string;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** In the order of the file. */
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

/** Pairs of metadata; real files have about 40. */
const MAX_PAIRS = 1 << 16;
/** Tensors of one file; the largest published models have about 2,000. */
const MAX_TENSORS = 1 << 18;
/** Bytes of a metadata's name, and of a tensor's. */
const MAX_NAME = 1 << 12;
/** Bytes of a string; chat templates have up to 100 kB. */
const MAX_STRING = 1 << 24;
/** Elements of an array; the largest vocabularies have 262,144 tokens and 500,000 merges. */
const MAX_ARRAY = 1 << 22;
/** Bytes of everything before the tensors, and how many are read at first. */
const MAX_HEADER = 1 << 28;
const FIRST_READ = 1 << 22;
/** Dimensions of a tensor: ggml's limit. */
const MAX_RANK = 4;
/** Bytes that offsets are multiples of. */
const MAX_ALIGNMENT = 1 << 16;
const DEFAULT_ALIGNMENT = 32;

const MAGIC = 0x46554747;

/**
 * Reads the header of a GGUF file (version 2 or 3, little-endian), and checks it against the file's size; the data is
 * not read. Every lie (counts, lengths, offsets, overlaps, names given twice) is an error that names it.
 */
export async function readGgufHeader(path: string, label = path): Promise<GgufHeader> {
  const file = await openFile(path, label);
  try {
    for (let length = FIRST_READ; ; length *= 4) {
      const head = await file.bytes(0, Math.min(length, file.size));
      try {
        return parse(new Reader(head, label, file.size));
      } catch (error) {
        if (!(error instanceof HeadEnds)) throw error;
        if (length >= MAX_HEADER)
          throw new PolysemeError(`${label}: its header has more than ${MAX_HEADER} bytes`, 'damaged');
      }
    }
  } finally {
    await file.close();
  }
}

function parse(reader: Reader): GgufHeader {
  const { label, size } = reader;
  if (size < 24 || reader.u32() !== MAGIC) {
    throw new PolysemeError(`${label} is no GGUF file: it does not begin with GGUF`, 'damaged');
  }
  const version = reader.u32();
  if (version !== 2 && version !== 3) {
    const why = (version & 0xffff) === 0 ? 'big-endian' : `of version ${version}`;
    throw new PolysemeError(
      `${label} is a GGUF file ${why}; versions 2 and 3, little-endian, can be read`,
      'unsupported',
    );
  }
  const tensorCount = reader.count('tensors', MAX_TENSORS, 24);
  const pairs = reader.count('pairs of metadata', MAX_PAIRS, 13);

  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < pairs; i++) {
    const key = reader.string(MAX_NAME);
    if (metadata.has(key)) throw reader.damaged(`its metadata has ${quote(key)} twice`);
    metadata.set(key, reader.value(reader.u32(), key));
  }
  const listed: [name: string, tensor: Omit<GgufTensor, 'length'>][] = [];
  for (let i = 0; i < tensorCount; i++) listed.push(tensorInfo(reader));

  const alignment = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT;
  if (typeof alignment !== 'number' || !(alignment >= 1 && alignment <= MAX_ALIGNMENT) || !isPower(alignment))
    throw reader.damaged(`its general.alignment is ${quote(alignment)}, no power of two`);
  const start = Math.ceil(reader.position / alignment) * alignment;
  return { label, metadata, tensors: place(listed, { label, start, alignment, size }) };
}

/** One entry of the list of tensors; the offset is still counted from the start of the data. */
function tensorInfo(reader: Reader): [string, Omit<GgufTensor, 'length'>] {
  const name = reader.string(MAX_NAME);
  const rank = reader.u32();
  if (rank < 1 || rank > MAX_RANK)
    throw reader.damaged(`tensor ${quote(name)} has ${rank} dimensions (limit ${MAX_RANK})`);
  const shape: number[] = [];
  // ggml counts dimensions from the innermost.
  for (let i = 0; i < rank; i++) shape.unshift(reader.u64(`a dimension of tensor ${quote(name)}`));
  const elements = shape.reduce((product, n) => product * n, 1);
  if (!(elements >= 1 && elements <= MAX_ELEMENTS))
    throw reader.damaged(`tensor ${quote(name)} claims the impossible shape [${shape.join(', ')}]`);
  const code = reader.u32();
  const type = GGML_TYPES.get(code);
  if (type === undefined) {
    const known = OTHER_GGML_TYPES.get(code) ?? `number ${code}`;
    throw new PolysemeError(
      `${reader.label}: tensor ${quote(name)} is quantised as ${known}, which cannot be read ` +
        `(known: ${[...GGML_TYPES.values()].map(({ name }) => name).join(', ')})`,
      'unsupported',
    );
  }
  if (shape.at(-1)! % type.blockValues !== 0) {
    throw reader.damaged(
      `tensor ${quote(name)} is ${type.name} with rows of ${shape.at(-1)}; blocks have ${type.blockValues} values`,
    );
  }
  return [name, { type, shape, offset: reader.u64(`the offset of tensor ${quote(name)}`) }];
}

interface DataFacts {
  readonly label: string;
  /** First byte of the data. */
  readonly start: number;
  readonly alignment: number;
  /** Of the file. */
  readonly size: number;
}

function place(
  listed: readonly [string, Omit<GgufTensor, 'length'>][],
  { label, start, alignment, size }: DataFacts,
): Map<string, GgufTensor> {
  const damaged = (what: string) => new PolysemeError(`${label}: ${what}`, 'damaged');
  const tensors = new Map<string, GgufTensor>();
  for (const [name, { type, shape, offset }] of listed) {
    if (tensors.has(name)) throw damaged(`it has tensor ${quote(name)} twice`);
    if (offset % alignment !== 0)
      throw damaged(`tensor ${quote(name)} begins at ${offset}, no multiple of ${alignment}`);
    const elements = shape.reduce((product, n) => product * n, 1);
    const length = (elements / type.blockValues) * type.blockBytes;
    if (start + offset + length > size) {
      throw damaged(
        `tensor ${quote(name)} ends at byte ${start + offset + length}, the file is truncated at ${size}: fetch it again`,
      );
    }
    tensors.set(name, { type, shape, offset: start + offset, length });
  }
  let end = start;
  for (const [name, tensor] of [...tensors].sort(([, a], [, b]) => a.offset - b.offset)) {
    if (tensor.offset < end) throw damaged(`tensor ${quote(name)} overlaps the one before it`);
    end = tensor.offset + tensor.length;
  }
  return tensors;
}

// ---------------------------------------------------------------- bytes

/** Bytes of a metadata's value, by the number of its type; strings (8) and arrays (9) have a length. */
const SCALARS: Readonly<
  Record<number, { size: number; get: (view: DataView, at: number) => number | bigint }>
> = {
  0: { size: 1, get: (view, at) => view.getUint8(at) },
  1: { size: 1, get: (view, at) => view.getInt8(at) },
  2: { size: 2, get: (view, at) => view.getUint16(at, true) },
  3: { size: 2, get: (view, at) => view.getInt16(at, true) },
  4: { size: 4, get: (view, at) => view.getUint32(at, true) },
  5: { size: 4, get: (view, at) => view.getInt32(at, true) },
  6: { size: 4, get: (view, at) => view.getFloat32(at, true) },
  7: { size: 1, get: (view, at) => view.getUint8(at) },
  10: { size: 8, get: (view, at) => view.getBigUint64(at, true) },
  11: { size: 8, get: (view, at) => view.getBigInt64(at, true) },
  12: { size: 8, get: (view, at) => view.getFloat64(at, true) },
};
const BOOL = 7;
const STRING = 8;
const ARRAY = 9;

/** Thrown where the header goes on after the bytes that were read. */
class HeadEnds extends Error {}

/** Reads the first bytes of a file of `size` one after another. */
class Reader {
  readonly label: string;
  readonly size: number;
  /** Of the next byte. */
  position = 0;
  readonly #view: DataView;
  // A byte order mark is a token of Llama's and Gemma's vocabularies.
  readonly #utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

  constructor(head: Uint8Array, label: string, size: number) {
    this.#view = new DataView(head.buffer, head.byteOffset, head.byteLength);
    this.label = label;
    this.size = size;
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64(what: string): number {
    const value = this.#view.getBigUint64(this.#take(8), true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw this.damaged(`${what} is ${value}`);
    return Number(value);
  }

  /** A number of things that follow, each of at least `bytes`. */
  count(what: string, limit: number, bytes: number): number {
    const value = this.#view.getBigUint64(this.#take(8), true);
    if (value > BigInt(limit)) throw this.damaged(`it claims ${value} ${what} (limit ${limit})`);
    const count = Number(value);
    if (this.position + count * bytes > this.size)
      throw this.damaged(`it claims ${count} ${what}, but the file ends at byte ${this.size}`);
    return count;
  }

  string(limit: number): string {
    const length = this.count('bytes of a string', limit, 1);
    const { buffer, byteOffset } = this.#view;
    return this.#utf8.decode(new Uint8Array(buffer, byteOffset + this.#take(length), length));
  }

  value(type: number, key: string): GgufValue {
    if (type !== ARRAY) return this.#single(type, key);
    const inner = this.u32();
    const bytes = inner === STRING ? 8 : SCALARS[inner]?.size;
    if (bytes === undefined) throw this.damaged(`its metadata ${quote(key)} is a list of type ${inner}`);
    const count = this.count(`elements of ${quote(key)}`, MAX_ARRAY, bytes);
    return Array.from({ length: count }, () => this.#single(inner, key));
  }

  damaged(what: string): PolysemeError {
    return new PolysemeError(`${this.label}: ${what}; it is damaged, fetch it again`, 'damaged');
  }

  #single(type: number, key: string): number | boolean | string {
    if (type === STRING) return this.string(MAX_STRING);
    const scalar = SCALARS[type];
    if (scalar === undefined) throw this.damaged(`its metadata ${quote(key)} has the unknown type ${type}`);
    const value = scalar.get(this.#view, this.#take(scalar.size));
    if (type === BOOL) return value !== 0;
    const number = Number(value);
    if (typeof value === 'bigint' && !Number.isSafeInteger(number))
      throw this.damaged(`its metadata ${quote(key)} is ${value}`);
    return number;
  }

  /** Where the next `length` bytes begin. */
  #take(length: number): number {
    const at = this.position;
    this.position += length;
    if (this.position > this.size)
      throw this.damaged(`its header goes on after its end at byte ${this.size}`);
    if (this.position > this.#view.byteLength) throw new HeadEnds();
    return at;
  }
}

/** Whether a whole number is a power of two. */
function isPower(value: number): boolean {
  return Number.isInteger(value) && (value & (value - 1)) === 0;
}

function quote(value: unknown): string {
  return JSON.stringify(value).slice(0, 200);
}
