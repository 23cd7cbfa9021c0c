import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { PolysemeError } from '../errors.ts';

/** A file to read: where it lies, and what a document or an error calls it. */
export interface Input {
  path: string;
  name: string;
  gzip: boolean;
  /** Bytes of the file, as stored, that reading has come to. */
  read: number;
}

const READ_SIZE = 1 << 18;

/**
 * The bytes of a file, uncompressed, in pieces; `from` counts uncompressed bytes (a compressed file is still
 * decompressed from its beginning). The file is closed when the reader stops.
 */
export async function* readBytes(input: Input, from = 0): AsyncGenerator<Buffer> {
  const file = createReadStream(input.path, { start: input.gzip ? 0 : from, highWaterMark: READ_SIZE });
  // Errors of either stream surface in the loop below, where they are named.
  const stream = input.gzip ? pipeline(file, createGunzip({ chunkSize: READ_SIZE }), () => {}) : file;
  let skip = input.gzip ? from : 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      input.read = (input.gzip ? 0 : from) + file.bytesRead;
      if (skip < chunk.length) yield skip > 0 ? chunk.subarray(skip) : chunk;
      skip = Math.max(0, skip - chunk.length);
    }
  } catch (error) {
    throw readError(error, input);
  } finally {
    stream.destroy();
    file.destroy();
  }
}

/** A system's or zlib's error, told in one line; every other error as it is. */
export function readError(error: unknown, { name, path }: { name: string; path: string }): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof PolysemeError || typeof code !== 'string') return error;
  if (code === 'Z_BUF_ERROR')
    return new PolysemeError(`${name}: the gzip data ends too early; the file is truncated`, 'damaged');
  if (code.startsWith('Z_'))
    return new PolysemeError(`${name}: not readable as gzip (${message})`, 'damaged');
  if (code === 'ENOENT') return new PolysemeError(`no such file: ${path}`, 'not-found');
  if (code === 'EACCES' || code === 'EPERM') return new PolysemeError(`no permission to read ${path}`);
  return new PolysemeError(`${name}: cannot be read (${message})`);
}
