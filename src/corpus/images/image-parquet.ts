import { type FileMetaData, parquetSchema, type SchemaTree } from 'hyparquet';
import { PolysemeError } from '../../errors.ts';
import { readError } from '../input.ts';
import { readFooter, readGroup } from '../readers/decode-parquet.ts';
import { checkGroup } from '../readers/read-parquet.ts';
import { missingColumn } from '../row-pieces.ts';
import { decodeImage, findDecoder, imageSize } from './decode.ts';
import type { ImageItem } from './image-corpus.ts';

/** Columns that may say what an image shows. */
const LABEL_COLUMNS = ['label', 'labels', 'fine_label', 'class'];
/** Classes that a file may name. */
const CLASSES_LIMIT = 1 << 20;

/** An image column of a Parquet file, as Hugging Face's datasets write it: { bytes, path }, or the bytes alone. */
export interface ImageTable {
  readonly count: number;
  rows(from: number): AsyncGenerator<Omit<ImageItem, 'ordinal' | 'done'>>;
  sizes(): AsyncGenerator<{ width: number; height: number; name: string }>;
}

/** @param column of the images; default the first that can hold some */
export async function imageTable(path: string, name: string, column?: string): Promise<ImageTable> {
  const metadata = await readFooter(path, name).catch((error) => {
    throw unreadable(error, path, name);
  });
  const columns = findColumns(metadata, name, column);
  await findDecoder();
  return {
    count: Number(metadata.num_rows),
    async *rows(from) {
      for await (const { number, bytes, label } of readRows(path, name, columns, from)) {
        const where = `${name}:${number + 1}`;
        yield { name: where, label, load: async () => decodeImage(present(bytes, where), where) };
      }
    },
    async *sizes() {
      for await (const { number, bytes } of readRows(path, name, columns, 0)) {
        const where = `${name}:${number + 1}`;
        yield { ...imageSize(present(bytes, where), where), name: where };
      }
    },
  };
}

interface Columns {
  readonly image: string;
  readonly label: string | null;
  /** Names of the classes that numbers in the label's column stand for. */
  readonly classes: readonly string[] | null;
}

async function* readRows(path: string, name: string, { image, label, classes }: Columns, from: number) {
  try {
    const metadata = await readFooter(path, name);
    let end = 0;
    for (const [index, group] of metadata.row_groups.entries()) {
      checkGroup(metadata, index, image, name);
      const start = end;
      end += Number(group.num_rows);
      if (end <= from) continue;
      const columns = label === null ? [image] : [image, label];
      const request = { path, start, end, columns, bytes: 'of all' } as const;
      let number = start - 1;
      for await (const row of readGroup(request, name)) {
        if (++number < from) continue;
        const value = row[image] as unknown;
        const bytes = value instanceof Uint8Array ? value : (Object(value) as { bytes?: unknown }).bytes;
        yield { number, bytes, label: label === null ? null : labelText(row[label], classes) };
      }
    }
  } catch (error) {
    throw unreadable(error, path, name);
  }
}

function present(bytes: unknown, where: string): Uint8Array {
  if (bytes instanceof Uint8Array) return bytes;
  throw new PolysemeError(
    `${where}: the row holds no image (its bytes are ${bytes === null ? 'null' : typeof bytes}); images that lie elsewhere are not fetched`,
    'damaged',
  );
}

function labelText(value: unknown, classes: readonly string[] | null): string | null {
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  const number = Number(value);
  return classes?.[number] ?? String(value);
}

function findColumns(metadata: FileMetaData, name: string, column: string | undefined): Columns {
  const { children } = parquetSchema(metadata);
  const names = children.map(({ element }) => element.name);
  const image = children.find((child) =>
    column === undefined ? isImage(child) : child.element.name === column,
  );
  if (image === undefined) {
    if (column !== undefined) throw missingColumn(name, column, names);
    throw new PolysemeError(
      `${name}: no column holds images (bytes, or { bytes, path }); the columns are ${names.slice(0, 40).join(', ')}: name it with option column`,
    );
  }
  if (!isImage(image)) {
    throw new PolysemeError(
      `${name}: column "${image.element.name}" does not hold images (bytes, or { bytes, path })`,
    );
  }
  const label = LABEL_COLUMNS.find((key) => names.includes(key)) ?? null;
  return { image: image.element.name, label, classes: label === null ? null : classesOf(metadata, label) };
}

function isImage({ element, children }: SchemaTree): boolean {
  const isBytes = (child: SchemaTree): boolean =>
    child.children.length === 0 && child.element.type === 'BYTE_ARRAY';
  if (children.length > 0) return children.some((child) => child.element.name === 'bytes' && isBytes(child));
  return (
    isBytes({ element, children } as SchemaTree) &&
    element.converted_type === undefined &&
    element.logical_type === undefined
  );
}

/** The names that `datasets` writes for a column of classes. */
function classesOf(metadata: FileMetaData, label: string): string[] | null {
  const text = metadata.key_value_metadata?.find(({ key }) => key === 'huggingface')?.value;
  if (text === undefined) return null;
  try {
    const names = JSON.parse(text)?.info?.features?.[label]?.names;
    const isRight =
      Array.isArray(names) && names.length <= CLASSES_LIMIT && names.every((n) => typeof n === 'string');
    return isRight ? names : null;
  } catch {
    return null;
  }
}

function unreadable(error: unknown, path: string, name: string): unknown {
  const told = readError(error, { name, path });
  if (told instanceof PolysemeError) return told;
  return new PolysemeError(`${name}: not readable as Parquet (${(error as Error).message})`, 'damaged');
}
