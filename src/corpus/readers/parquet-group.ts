import { type FileHandle, open } from 'node:fs/promises';
import { type AsyncBuffer, type FileMetaData, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';

/** Which rows of a file are read. */
export interface GroupRequest {
  readonly path: string;
  /** Of the row group. */
  readonly start: number;
  readonly end: number;
  /** The columns that are read. */
  readonly columns: readonly string[];
  /** Strings stay bytes: outside the JavaScript heap, and decoded strictly by whoever reads them. */
  readonly bytes: 'of strings' | 'of all';
}

export type GroupRow = Record<string, unknown>;

/** Longest footer, in bytes. */
const FOOTER_LIMIT = 1 << 27;
/** Most bytes that are read at once. */
export const GROUP_BYTES_LIMIT = 2 ** 31 - 1;

/** Decodes what a file's footer says. */
export async function decodeFooter(path: string): Promise<FileMetaData> {
  const handle = await open(path);
  try {
    return await parquetMetadataAsync(await fileBuffer(handle));
  } finally {
    await handle.close();
  }
}

/** Decodes a row group's columns. */
export async function decodeGroup({ path, start, end, columns, bytes }: GroupRequest): Promise<GroupRow[]> {
  const handle = await open(path);
  try {
    return await parquetReadObjects({
      file: await fileBuffer(handle),
      compressors,
      columns: [...columns],
      rowStart: start,
      rowEnd: end,
      ...(bytes === 'of all'
        ? { utf8: false }
        : { parsers: { stringFromBytes: (text: Uint8Array) => text } }),
    });
  } finally {
    await handle.close();
  }
}

/** Random access to a file; a range outside it is an error, not an allocation. */
async function fileBuffer(handle: FileHandle): Promise<AsyncBuffer> {
  const { size } = await handle.stat();
  if (size < 12) throw new Error(`${size} bytes are too few`);
  const read = async (start: number, end: number): Promise<ArrayBuffer> => {
    if (!(start >= 0 && end >= start && end <= size)) {
      throw new Error(`it points to bytes ${start} to ${end} of ${size}; it may be truncated`);
    }
    if (end - start > GROUP_BYTES_LIMIT) throw new Error(`it asks for ${end - start} bytes at once`);
    const bytes = new Uint8Array(end - start);
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await handle.read(bytes, at, bytes.length - at, start + at);
      if (bytesRead === 0) throw new Error(`it ends at byte ${start + at} of ${size}`);
      at += bytesRead;
    }
    return bytes.buffer;
  };
  const buffer: AsyncBuffer = {
    byteLength: size,
    slice(start, end = size) {
      const bytes = read(start, end);
      // The library asks for several ranges and waits for one: without this another's error would end the process.
      bytes.catch(() => {});
      return bytes;
    },
  };
  const [length, magic] = new Uint32Array(await buffer.slice(size - 8, size));
  // "PAR1"
  if (magic !== 0x31524150) throw new Error('it does not end with PAR1; it may be truncated');
  if (length! > FOOTER_LIMIT)
    throw new Error(`its footer claims ${length} bytes, over the limit of ${FOOTER_LIMIT}`);
  return buffer;
}
