import { stat } from 'node:fs/promises';
import { basename, join, resolve, sep } from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';
import { PolysemeError } from '../errors.ts';
import { filesBelow } from './files-below.ts';
import { formatOf, KNOWN_EXTENSIONS } from './formats.ts';
import { readError } from './input.ts';

/** A file of a corpus on this machine. */
export interface LocalFile {
  path: string;
  /** Relative to the folder (or the fixed part of the pattern) that was asked for, with `/`. */
  name: string;
  /** bytes */
  size: number;
  /** When it was last changed, in milliseconds since 1970; 0 for a file of the package. */
  time: number;
}

/**
 * The files that a path or a pattern stands for, in the order of their names' code units.
 * A folder means every file in it, at any depth, whose extension is known; a pattern likewise. Hidden files are left out.
 *
 * @param root the folder that a relative source starts from
 */
export async function localFiles(source: string, root: string): Promise<LocalFile[]> {
  const path = resolve(root, source);
  const found = await status(path);
  if (found?.isDirectory()) return listed(await filesBelow(path), path, `in the folder ${source}`);
  if (found) {
    // A pipe would be waited for, a device read without end.
    if (!found.isFile()) throw new PolysemeError(`${source} is neither a file nor a folder`);
    if (!formatOf(path))
      throw new PolysemeError(`${source}: unknown extension; known are ${KNOWN_EXTENSIONS}`, 'unsupported');
    return [{ path, name: basename(path), size: found.size, time: found.mtimeMs }];
  }
  const pattern = sep === '\\' ? source.replaceAll('\\', '/') : source;
  if (!isDynamicPattern(pattern)) throw new PolysemeError(`no such file or folder: ${source}`, 'not-found');
  const { base, rest } = splitPattern(pattern);
  const folder = resolve(root, base);
  return listed(await matches(rest, folder), folder, `for the pattern ${source}`);
}

/** The folders before a pattern's first special character, and the pattern from there on. */
export function splitPattern(pattern: string): { base: string; rest: string } {
  const segments = pattern.split('/');
  const first = segments.findIndex((segment) => isDynamicPattern(segment));
  const cut = first < 0 ? segments.length - 1 : first;
  const base = segments.slice(0, cut).join('/');
  return { base: cut > 0 && base === '' ? '/' : base, rest: segments.slice(cut).join('/') };
}

async function matches(pattern: string, folder: string): Promise<string[]> {
  if (!(await status(folder))) return [];
  return glob(pattern, { cwd: folder, expandDirectories: false }).catch((error) => {
    throw readError(error, { name: folder, path: folder });
  });
}

async function listed(names: string[], folder: string, where: string): Promise<LocalFile[]> {
  const known = names.filter((name) => formatOf(name) !== undefined).sort(byCodeUnits);
  if (known.length === 0) {
    const others =
      names.length > 0 ? ` (${names.length} of other kinds, as ${names.sort(byCodeUnits)[0]})` : '';
    throw new PolysemeError(
      `no text files ${where}${others}; known extensions are ${KNOWN_EXTENSIONS}`,
      'not-found',
    );
  }
  return Promise.all(
    known.map(async (name) => {
      const path = join(folder, name);
      const found = await status(path);
      return { path, name, size: found?.size ?? 0, time: found?.mtimeMs ?? 0 };
    }),
  );
}

async function status(path: string) {
  return stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'EINVAL') return undefined;
    throw readError(error, { name: path, path });
  });
}

export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
