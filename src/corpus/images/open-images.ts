import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { glob, isDynamicPattern } from 'tinyglobby';
import { PolysemeError } from '../../errors.ts';
import { type HubFiles, hubFiles } from '../../hub/hub.ts';
import { filesBelow } from '../files-below.ts';
import { parseHubSource } from '../hub-plan.ts';
import { readError } from '../input.ts';
import { byCodeUnits, splitPattern } from '../local.ts';
import { FINITE_LIMIT, planHub } from '../open-corpus.ts';
import { idxImages, isIdxName } from './idx.ts';
import type { ImageCorpus, ImageItem, ImagePart } from './image-corpus.ts';
import { imageFiles, isImageName } from './image-files.ts';
import { imageTable } from './image-parquet.ts';

export interface ImageOptions {
  /** Column of the images in Parquet, or of the labels in a folder's CSV; default: what the names of columns suggest. */
  readonly column?: string;
  /** Folder that a relative path or pattern starts from (default: the working directory). */
  readonly root?: string;
  /** Access to the hub, for `hf:` sources. */
  readonly hub?: HubFiles;
}

/** Images that are packed into the package. */
export const BUILTIN_IMAGES = 'builtin:digits';
/** Files of one source. */
const FILES_LIMIT = 1 << 22;
const KNOWN = 'idx files (…-images-idx3-ubyte, also .gz), .png, .jpg, .jpeg, .webp, .parquet';

interface FoundFile {
  readonly path: string;
  readonly name: string;
  readonly size: number;
  readonly time: number;
}

/**
 * Opens the images of a file, a folder, a pattern, `hf:owner/name[@revision][:config[:split]]` or `builtin:digits`: idx
 * files, PNG, JPEG and WebP, and image columns of Parquet. The images' pixels are read as they are asked for.
 *
 * @throws PolysemeError where there is nothing to read, or a header is damaged
 * @example
 * const corpus = await openImages('builtin:digits');
 * for await (const { label, load } of corpus.images()) console.log(label, (await load()).width);
 */
export async function openImages(source: string, options: ImageOptions = {}): Promise<ImageCorpus> {
  const { column, root = process.cwd(), hub = hubFiles } = options;
  if (source.startsWith('hf:')) return openHub(source, column, hub);
  if (source === BUILTIN_IMAGES) {
    const path = fileURLToPath(new URL('../../../models/digits/images-idx3-ubyte.gz', import.meta.url));
    const corpus = await corpusOf(
      source,
      dirname(path),
      [{ path, name: basename(path), size: 0, time: 0 }],
      undefined,
    );
    return { ...corpus, description: `${corpus.count} images of handwritten digits` };
  }
  if (source.startsWith('builtin:')) {
    throw new PolysemeError(
      `${source}: the model reads images, and the built-in ones are ${BUILTIN_IMAGES}`,
      'not-found',
    );
  }
  const { folder, files } = await findFiles(source, root);
  return corpusOf(source, folder, files, column);
}

async function corpusOf(
  source: string,
  folder: string,
  files: readonly FoundFile[],
  column: string | undefined,
): Promise<ImageCorpus> {
  const parts: ImagePart[] = [];
  const single = files.filter(({ name }) => isImageName(name));
  for (const { path, name } of files) {
    if (isIdxName(name)) parts.push(await idxImages(path, name));
    else if (name.endsWith('.parquet')) parts.push(tablePart(await imageTable(path, name, column)));
  }
  if (single.length > 0) parts.push(await imageFiles(folder, single, column));
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const hash = createHash('sha256');
  for (const { name, size, time } of files) hash.update(JSON.stringify([name, size, time]));
  return {
    modality: 'images',
    source,
    description: `${count} image${count === 1 ? '' : 's'} in ${files.length} file${files.length === 1 ? '' : 's'}, ${(bytes / 1e6).toFixed(1)} MB`,
    kind: 'finite',
    count,
    stamp: hash.digest('hex'),
    images: (from) => readParts(parts, count, from),
    async check(fits) {
      const refuse = (size: { width: number; height: number }, name: string): void => {
        const why = fits(size);
        if (why !== null) throw new PolysemeError(`${name}: ${why}`);
      };
      // What would be read twice for a look ahead is looked at as it comes.
      if (bytes <= FINITE_LIMIT) for (const part of parts) await part.check(refuse);
    },
  };
}

async function* readParts(parts: readonly ImagePart[], count: number, from = 0): AsyncGenerator<ImageItem> {
  let before = 0;
  for (const part of parts) {
    let ordinal = Math.max(before, from);
    before += part.count;
    if (ordinal >= before) continue;
    for await (const item of part.images(ordinal - (before - part.count))) {
      yield { ...item, ordinal, done: (ordinal + 1) / count };
      ordinal++;
    }
  }
}

function tablePart(table: Awaited<ReturnType<typeof imageTable>>): ImagePart {
  return {
    count: table.count,
    images: (from) => table.rows(from),
    async check(fits) {
      for await (const { name, ...size } of table.sizes()) fits(size, name);
    },
  };
}

async function openHub(source: string, column: string | undefined, hub: HubFiles): Promise<ImageCorpus> {
  const asked = parseHubSource(source);
  const { repo, plan } = await planHub(asked, hub);
  const files = plan.files.filter(({ path }) => path.endsWith('.parquet'));
  if (files.length === 0) {
    throw new PolysemeError(
      `${source}: its files of ${plan.config}/${plan.split} are no Parquet with images`,
      'unsupported',
    );
  }
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  return {
    modality: 'images',
    source,
    description: `${asked.name}, ${plan.config}/${plan.split}: ${files.length} file${files.length === 1 ? '' : 's'}, ${(bytes / 1e6).toFixed(1)} MB`,
    kind: 'stream',
    count: null,
    stamp: createHash('sha256')
      .update(JSON.stringify(files.map(({ path, size }) => [path, size])))
      .digest('hex'),
    async *images(from = 0) {
      let before = 0;
      let done = 0;
      for (const { path, size } of files) {
        const table = await imageTable(await hub.download(repo, path), path, column);
        let ordinal = Math.max(before, from);
        const first = ordinal - before;
        before += table.count;
        if (ordinal < before) {
          for await (const item of table.rows(first)) {
            const share = (done + (size * (ordinal + 1 - (before - table.count))) / table.count) / bytes;
            yield { ...item, ordinal, done: Math.min(1, share) };
            ordinal++;
          }
        }
        done += size;
      }
    },
    check: async () => {},
  };
}

async function matching({ base, rest }: { base: string; rest: string }, root: string) {
  const folder = resolve(root, base);
  const names = (await statusOf(folder)) ? await glob(rest, { cwd: folder, expandDirectories: false }) : [];
  return { folder, names };
}

/** The files that a path or pattern stands for, in the order of their names, and the folder that names are relative to. */
async function findFiles(source: string, root: string): Promise<{ folder: string; files: FoundFile[] }> {
  const path = resolve(root, source);
  const found = await statusOf(path);
  if (found?.isFile()) {
    const name = basename(path);
    if (!isKnown(name))
      throw new PolysemeError(`${source}: no file of images; known are ${KNOWN}`, 'unsupported');
    return { folder: dirname(path), files: [{ path, name, size: found.size, time: found.mtimeMs }] };
  }
  if (!found && !isDynamicPattern(source))
    throw new PolysemeError(`no such file or folder: ${source}`, 'not-found');
  const { folder, names } = found
    ? { folder: path, names: await filesBelow(path) }
    : await matching(splitPattern(source.replaceAll('\\', '/')), root);
  const known = names.filter(isKnown).sort(byCodeUnits);
  if (known.length > FILES_LIMIT) throw new PolysemeError(`${source}: more than ${FILES_LIMIT} files`);
  if (known.length === 0) {
    const others =
      names.length > 0 ? ` (${names.length} of other kinds, as ${names.sort(byCodeUnits)[0]})` : '';
    throw new PolysemeError(`no images in ${source}${others}; known are ${KNOWN}`, 'not-found');
  }
  const files = await Promise.all(
    known.map(async (name) => {
      const status = await statusOf(join(folder, name));
      return { path: join(folder, name), name, size: status?.size ?? 0, time: status?.mtimeMs ?? 0 };
    }),
  );
  return { folder, files };
}

function isKnown(name: string): boolean {
  return isImageName(name) || isIdxName(name) || name.endsWith('.parquet');
}

async function statusOf(path: string) {
  return stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'EINVAL') return undefined;
    throw readError(error, { name: path, path });
  });
}
