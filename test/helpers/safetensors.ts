import { writeFileSync } from 'node:fs';

/** Entry of a safetensors header, lies allowed. */
export type HeaderEntry = { dtype?: unknown; shape?: unknown; data_offsets?: unknown };

/** Writes a safetensors file byte by byte, without the package's writer: any header over any data. */
export function writeRaw(
  path: string,
  header: Record<string, HeaderEntry> | string,
  data: Uint8Array = new Uint8Array(0),
  headerLength?: number | bigint,
): string {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(headerLength ?? json.length));
  writeFileSync(path, Buffer.concat([length, json, data]));
  return path;
}

/** The bytes of a typed array. */
export function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
