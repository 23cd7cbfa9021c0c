import { stat } from 'node:fs/promises';
import { type FileMetaData, parquetSchema, type SchemaTree } from 'hyparquet';
import { PolysemeError } from '../../errors.ts';
import { type Input, readError } from '../input.ts';
import { checkColumn, columnText, LABELS, type Row, type RowCursor, rowLabel } from '../row-pieces.ts';
import { decodeUtf8 } from '../utf8.ts';
import { readFooter, readGroup } from './decode-parquet.ts';
import { GROUP_BYTES_LIMIT } from './parquet-group.ts';

/** Most rows of a row group: each costs some hundred bytes while the group is read. */
const GROUP_ROWS_LIMIT = 1 << 24;
/** Longest text of a row, in bytes. */
const TEXT_LIMIT = 1 << 27;

/** Rows of a Parquet file, row group by row group; only the text column and a row's name are read. */
export async function* readParquet(input: Input, column: string, from: RowCursor): AsyncGenerator<Row> {
  try {
    const { size } = await stat(input.path);
    const metadata = await readFooter(input.path, input.name);
    const columns = readColumns(metadata, column, input.name);
    let end = 0;
    for (const [index, group] of metadata.row_groups.entries()) {
      checkGroup(metadata, index, column, input.name);
      const start = end;
      end += Number(group.num_rows);
      if (end < from.row) continue;
      const request = { path: input.path, start, end, columns, bytes: 'of strings' } as const;
      let row = start;
      for await (const values of readGroup(request, input.name)) {
        input.read = ((index + (row - start + 1) / (end - start)) / metadata.row_groups.length) * size;
        if (++row >= from.row) yield { row, byte: 0, ...decodeRow(values, column, `${input.name}:${row}`) };
      }
      if (row !== end) throw new Error(`row group ${index} has ${row - start} rows, not ${end - start}`);
    }
  } catch (error) {
    const told = readError(error, input);
    if (told instanceof PolysemeError) throw told;
    throw new PolysemeError(
      `${input.name}: not readable as Parquet (${(error as Error).message})`,
      'damaged',
    );
  }
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
