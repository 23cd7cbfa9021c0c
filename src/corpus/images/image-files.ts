import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PolysemeError } from '../../errors.ts';
import { readError } from '../input.ts';
import { csvRows } from '../readers/read-csv.ts';
import { decodeImage, findDecoder, imageSize } from './decode.ts';
import { BYTES_LIMIT } from './image.ts';
import type { ImagePart } from './image-corpus.ts';

const EXTENSIONS = /\.(png|jpe?g|webp)$/i;
/** Files in a folder that may say what the images show, in this order. */
const TABLES = ['metadata.csv', 'labels.csv'];
/** Columns that may hold an image's file name, and what it shows. */
const FILE_COLUMNS = ['file_name', 'filename', 'file', 'image', 'path'];
const LABEL_COLUMNS = ['label', 'class', 'category'];
/** Rows of such a table. */
const ROWS_LIMIT = 1 << 24;

/** Whether a name is that of an image that can be decoded. */
export function isImageName(name: string): boolean {
  return EXTENSIONS.test(name);
}

interface ImageFile {
  readonly path: string;
  /** Relative to the folder that was asked for, with `/`. */
  readonly name: string;
}

/**
 * Images of a folder, a file each. What one shows is what `metadata.csv` or `labels.csv` in the folder says, or else the
 * name of the folder that it lies in.
 * @param column of the table that says it; default `label`
 */
export async function imageFiles(
  folder: string,
  files: readonly ImageFile[],
  column: string | undefined,
): Promise<ImagePart> {
  await findDecoder();
  const table = TABLES.map((name) => join(folder, name)).find((path) => existsSync(path));
  const labels = table === undefined ? null : await readTable(table, column);
  const labelOf = (name: string): string | null =>
    labels === null ? (name.split('/').at(-2) ?? null) : (labels.get(name) ?? null);
  const known = new Set(files.map(({ name }) => name));
  const absent = labels && [...labels.keys()].find((name) => !known.has(name));
  if (absent) {
    throw new PolysemeError(
      `${table}: names the image ${JSON.stringify(absent)}, which is not in the folder`,
      'not-found',
    );
  }
  return {
    count: files.length,
    async *images(from) {
      for (const { path, name } of files.slice(from)) {
        yield {
          name,
          label: labelOf(name),
          load: async () => decodeImage(await readImage(path, name), name),
        };
      }
    },
    async check(fits) {
      for (const { path, name } of files) fits(imageSize(await readImage(path, name), name), name);
    },
  };
}

async function readImage(path: string, name: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > BYTES_LIMIT) {
      throw new PolysemeError(`${name}: an image of ${size} bytes is over the limit of ${BYTES_LIMIT}`);
    }
    return await readFile(path);
  } catch (error) {
    throw readError(error, { name, path });
  }
}

async function readTable(path: string, column: string | undefined): Promise<Map<string, string>> {
  const labels = new Map<string, string>();
  const input = { path, name: path, gzip: false, read: 0 };
  let file = '';
  let label = '';
  const check = (header: string[]): void => {
    const pick = (names: readonly string[], what: string): string => {
      const key = names.find((name) => header.includes(name));
      if (key !== undefined) return key;
      throw new PolysemeError(
        `${path}: no column of ${what} (${names.join(', ')}); the columns are ${header.slice(0, 40).join(', ')}`,
      );
    };
    file = pick(FILE_COLUMNS, 'file names');
    label = pick(column === undefined ? LABEL_COLUMNS : [column], 'labels');
  };
  for await (const { record } of csvRows(input, check)) {
    if (labels.size >= ROWS_LIMIT) throw new PolysemeError(`${path}: more than ${ROWS_LIMIT} rows`);
    labels.set(record[file]!.replaceAll('\\', '/').replace(/^\.\//, ''), record[label]!);
  }
  return labels;
}
