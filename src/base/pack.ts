import { PolysemeError } from '../errors.ts';

/** Kinds of arrays, by the names that stored headers call them. */
export const ARRAY_TYPES = {
  u8: Uint8Array,
  u16: Uint16Array,
  u32: Uint32Array,
  i32: Int32Array,
  f32: Float32Array,
  f64: Float64Array,
} as const;

export type ArrayType = keyof typeof ARRAY_TYPES;

/** Arrays by name. */
export type PackedArrays = Readonly<Record<string, PackedArray>>;

export type PackedArray = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

/** Longest header accepted when unpacking, in bytes; real ones are under a kilobyte. */
const HEADER_LIMIT = 1 << 20;

/**
 * Named arrays as the pieces of one block of bytes: a little-endian header length, a JSON header
 * {name: [type, length]}, then the arrays in that order, each at a multiple of 8 bytes.
 */
export function packPieces(arrays: Readonly<Record<string, PackedArray>>): Uint8Array[] {
  const header: Record<string, [string, number]> = {};
  for (const [name, array] of Object.entries(arrays)) header[name] = [typeOf(array), array.length];
  const json = new TextEncoder().encode(JSON.stringify(header));
  const head = new Uint8Array(8 * Math.ceil((8 + json.length) / 8)).fill(32);
  new DataView(head.buffer).setUint32(0, head.length - 8, true);
  new DataView(head.buffer).setUint32(4, 0, true);
  head.set(json, 8);
  const pieces: Uint8Array[] = [head];
  for (const array of Object.values(arrays)) {
    pieces.push(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    const rest = array.byteLength % 8;
    if (rest !== 0) pieces.push(new Uint8Array(8 - rest));
  }
  return pieces;
}

/** As packPieces, in one block. */
export function pack(arrays: Readonly<Record<string, PackedArray>>): Uint8Array<ArrayBuffer> {
  const pieces = packPieces(arrays);
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** The arrays of a packed block, as views where alignment allows; a damaged block is an error that names `what`. */
export function unpack(bytes: Uint8Array, what: string): Record<string, PackedArray> {
  const damaged = (why: string): PolysemeError => new PolysemeError(`${what} is damaged: ${why}`, 'damaged');
  if (bytes.length < 8) throw damaged(`${bytes.length} bytes`);
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
  const view = new DataView(aligned.buffer, aligned.byteOffset, aligned.byteLength);
  const size = view.getUint32(0, true);
  if (size > HEADER_LIMIT || 8 + size > aligned.length) throw damaged(`a header of ${size} bytes`);
  let header: Record<string, [string, number]>;
  try {
    header = JSON.parse(new TextDecoder().decode(aligned.subarray(8, 8 + size)));
  } catch {
    throw damaged('its header is not JSON');
  }
  const arrays: Record<string, PackedArray> = {};
  let at = 8 + size;
  for (const [name, [type, length]] of Object.entries(header)) {
    const Type = Object.hasOwn(ARRAY_TYPES, type) ? ARRAY_TYPES[type as ArrayType] : undefined;
    if (Type === undefined || !Number.isInteger(length) || length < 0) throw damaged(`array ${name}`);
    const end = at + length * Type.BYTES_PER_ELEMENT;
    if (end > aligned.length) throw damaged(`array ${name} ends at byte ${end} of ${aligned.length}`);
    arrays[name] = new Type(aligned.buffer as ArrayBuffer, aligned.byteOffset + at, length);
    at = 8 * Math.ceil(end / 8);
  }
  return arrays;
}

export function typeOf(array: PackedArray): ArrayType {
  for (const [name, Type] of Object.entries(ARRAY_TYPES)) if (array instanceof Type) return name as ArrayType;
  throw new Error('not an array that can be packed');
}
