import { type FileHandle, open } from 'node:fs/promises';
import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type SchemaTree,
} from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { PolysemeError } from '../../errors.ts';
import { type Input, readError } from '../input.ts';
import { checkColumn, columnText, LABELS, type Row, type RowCursor, rowLabel } from '../row-pieces.ts';
import { decodeUtf8 } from '../utf8.ts';

/** Longest footer, in bytes. */
const FOOTER_LIMIT = 1 << 27;
/** Most rows of a row group: each costs some hundred bytes while the group is read. */
const GROUP_ROWS_LIMIT = 1 << 24;
/** Largest text column of a row group, in bytes, compressed or not: it is held in memory as a whole. */
const GROUP_BYTES_LIMIT = 2 ** 31 - 1;
/** Longest text of a row, in bytes. */
const TEXT_LIMIT = 1 << 27;

/** Rows of a Parquet file, row group by row group; only the text column and a row's name are read. */
export async function* readParquet(input: Input, column: string, from: RowCursor): AsyncGenerator<Row> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(input.path);
    const file = await fileBuffer(handle);
    const metadata = await parquetMetadataAsync(file);
    const columns = readColumns(metadata, column, input.name);
    let end = 0;
    for (const [index, group] of metadata.row_groups.entries()) {
      checkGroup(metadata, index, column, input.name);
      const start = end;
      end += Number(group.num_rows);
      if (end < from.row) continue;
      // Strings stay bytes until their row is reached: outside the JavaScript heap, and decoded strictly.
      const rows = await parquetReadObjects({
        file,
        metadata,
        compressors,
        columns,
        rowStart: start,
        rowEnd: end,
        parsers: { stringFromBytes: (bytes) => bytes },
      });
      input.read = ((index + 1) / metadata.row_groups.length) * file.byteLength;
      if (rows.length !== end - start)
        throw new Error(`row group ${index} has ${rows.length} rows, not ${end - start}`);
      for (let at = Math.max(0, from.row - 1 - start); at < rows.length; at++) {
        const row = start + at + 1;
        yield { row, byte: 0, ...decodeRow(rows[at]!, column, `${input.name}:${row}`) };
      }
    }
  } catch (error) {
    const told = readError(error, input);
    if (told instanceof PolysemeError) throw told;
    throw new PolysemeError(
      `${input.name}: not readable as Parquet (${(error as Error).message})`,
      'damaged',
    );
  } finally {
    await handle?.close();
  }
}

/** Random access to a file; a range outside it is an error, not an allocation. */
export async function fileBuffer(handle: FileHandle): Promise<AsyncBuffer> {
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

/** The columns to read: the text, and the first that may name a row. */
function readColumns(metadata: FileMetaData, column: string, name: string): string[] {
  const { children } = parquetSchema(metadata);
  checkColumn(
    name,
    column,
    children.map((child) => child.element.name),
  );
  const text = children.find((child) => child.element.name === column)!;
  if (!isText(listItem(text) ?? text)) {
    const type =
      text.element.logical_type?.type ?? text.element.converted_type ?? text.element.type ?? 'a structure';
    throw new PolysemeError(`${name}: column "${column}" must hold text or lists of texts, not ${type}`);
  }
  const labels = LABELS.filter((label) =>
    children.some((child) => child.element.name === label && isText(child)),
  );
  return [column, ...labels.filter((label) => label !== column)];
}

function isText({ element, children }: SchemaTree): boolean {
  const meaning = element.converted_type ?? element.logical_type?.type ?? 'UTF8';
  return (
    children.length === 0 && element.type === 'BYTE_ARRAY' && ['UTF8', 'STRING', 'ENUM'].includes(meaning)
  );
}

/** The item of a list column in its usual spellings: repeated item; list of item; list of group of item. */
function listItem({ element, children }: SchemaTree): SchemaTree | undefined {
  if (children.length !== 1 || element.repetition_type === 'REPEATED') return undefined;
  const middle = children[0]!;
  if (middle.element.repetition_type !== 'REPEATED') return undefined;
  return middle.children.length === 1 ? middle.children[0] : middle;
}

/** Refuses a row group whose column cannot be held in memory. */
export function checkGroup(metadata: FileMetaData, index: number, column: string, name: string): void {
  const group = metadata.row_groups[index]!;
  const refuse = (what: string, value: bigint, limit: number) =>
    new PolysemeError(
      `${name}: row group ${index} has ${value} ${what}, over the limit of ${limit}; write smaller groups`,
    );
  if (group.num_rows < 0n || group.num_rows > GROUP_ROWS_LIMIT)
    throw refuse('rows', group.num_rows, GROUP_ROWS_LIMIT);
  for (const { meta_data: chunk } of group.columns) {
    if (chunk?.path_in_schema[0] !== column) continue;
    for (const size of [chunk.total_compressed_size, chunk.total_uncompressed_size]) {
      if (size < 0n || size > GROUP_BYTES_LIMIT)
        throw refuse(`bytes in "${column}"`, size, GROUP_BYTES_LIMIT);
    }
  }
}

function decodeRow(row: Record<string, unknown>, column: string, where: string): Pick<Row, 'text' | 'label'> {
  const decoded: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(row)) {
    decoded[key] = Array.isArray(value) ? value.map((item) => decode(item, where)) : decode(value, where);
  }
  return { text: columnText(decoded[column], column, where), label: rowLabel(decoded, column) };
}

function decode(value: unknown, where: string): unknown {
  if (!(value instanceof Uint8Array)) return value;
  if (value.length > TEXT_LIMIT) {
    throw new PolysemeError(`${where}: a text of ${value.length} bytes is over the limit of ${TEXT_LIMIT}`);
  }
  return decodeUtf8(Buffer.from(value.buffer, value.byteOffset, value.byteLength), `${where} (its text)`);
}
