import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, type Stats, statSync } from 'node:fs';
import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { writeWhole } from '../../base/files.ts';
import { block, partFile, type SiteFileList } from '../../contract/site.ts';
import { PolysemeError } from '../../errors.ts';

/** The page: which data it shows is all that tells one state of a site from another. */
export const PAGE = 'index.html';
/** A folder of data is called after what is in it: one that is written never changes one that is shown. */
const DATA = /^data-[0-9a-f]{16}$/;
/** Most bytes that the list of a site's files is believed to have: a million files have some 30 MB. */
const MOST_LIST = 1 << 28;

/** What exports have made in a folder, by what their lists say; all else is someone else's, and stays. */
export class SiteFolder {
  readonly dir: string;
  /** The lists of its folders of data. */
  readonly #lists = new Map<string, SiteFileList>();

  constructor(dir: string) {
    this.dir = dir;
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      const list = entry.isDirectory() && DATA.test(entry.name) ? readList(join(dir, entry.name)) : null;
      if (list !== null) this.#lists.set(entry.name, list);
    }
  }

  /** Whether an export has been here, be it one that was killed before its page was there. */
  get isSite(): boolean {
    return this.#lists.size > 0;
  }

  /** @throws PolysemeError (exists) where a file of the explorer would take the place of one that no export made */
  checkPlaces(explorer: ReadonlyMap<string, Uint8Array>): void {
    for (const [path, bytes] of explorer) {
      if (this.#isFree(path) || this.#isOwn(path)) continue;
      if (path !== PAGE && digestAt(join(this.dir, path)) === sha256(bytes)) continue;
      throw new PolysemeError(
        `${join(this.dir, path)} is not as an export made it, and would be replaced: move it away, or choose another folder (option out)`,
        'exists',
      );
    }
  }

  /** Puts a finished folder of data in its place. What is there under its name has the same files, or some of them. */
  async takeData(temporary: string, name: string): Promise<void> {
    const target = join(this.dir, name);
    if (statSync(target, { throwIfNoEntry: false }) === undefined) return await rename(temporary, target);
    for (const entry of await readdir(temporary, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const from = join(entry.parentPath, entry.name);
      const to = join(target, from.slice(temporary.length));
      await mkdir(dirname(to), { recursive: true });
      await rename(from, to);
    }
    await rm(temporary, { recursive: true });
  }

  /** Writes the explorer's files, the page last: from then on the site shows the new data. */
  async takeExplorer(explorer: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const page = explorer.get(PAGE)!;
    for (const [path, bytes] of [...explorer].filter(([path]) => path !== PAGE)) {
      if (digestAt(join(this.dir, path)) === sha256(bytes)) continue;
      await mkdir(dirname(join(this.dir, path)), { recursive: true });
      await writeWhole(join(this.dir, path), [bytes]);
    }
    await writeWhole(join(this.dir, PAGE), [page]);
  }

  /** Removes what earlier exports made and this one did not, and the folders that are empty then. */
  async removeEarlier(name: string, explorer: ReadonlyMap<string, Uint8Array>): Promise<void> {
    for (const [earlier, list] of this.#lists) {
      if (earlier === name) continue;
      const isOld = (path: string) => !explorer.has(path) && this.#isOwn(path);
      await this.#remove(list.explorer.map(([path]) => path).filter(isOld));
      await this.#remove(list.data.map((path) => `${earlier}/${path}`));
      // Last: were it gone before, nobody would know whose the rest is.
      const parts = partsOf(join(this.dir, earlier), block.files);
      await this.#remove(parts.toReversed().map((path) => `${earlier}/${path}`));
    }
    // A kill after that leaves an empty one.
    for (const entry of await readdir(this.dir)) {
      if (DATA.test(entry)) await rmdir(join(this.dir, entry)).catch(() => {});
    }
  }

  async #remove(paths: readonly string[]): Promise<void> {
    const folders = new Set<string>();
    for (const path of paths) {
      // Of a file that is gone, too: a kill may have come between its removal and its folder's.
      for (let at = dirname(path); at !== '.'; at = dirname(at)) folders.add(at);
      if (this.#isFile(path)) await rm(join(this.dir, path), { force: true });
    }
    for (const folder of [...folders].sort((a, b) => b.length - a.length)) {
      // One with something in it stays.
      if (this.#isFolder(folder)) await rmdir(join(this.dir, folder)).catch(() => {});
    }
  }

  /** Whether nothing is there. A link in its way is something. */
  #isFree(path: string): boolean {
    const parts = path.split('/');
    for (let i = 1; i <= parts.length; i++) {
      const found = lstatSync(join(this.dir, ...parts.slice(0, i)), { throwIfNoEntry: false });
      if (found === undefined) return true;
      if (i < parts.length && !found.isDirectory()) return false;
    }
    return false;
  }

  /** Whether a folder is there, and no link leads to it. */
  #isFolder(path: string): boolean {
    return this.#found(path)?.isDirectory() ?? false;
  }

  /** Whether a file is there, and no link leads to it. */
  #isFile(path: string): boolean {
    return this.#found(path)?.isFile() ?? false;
  }

  /** What is at a path below folders of which none is a link. */
  #found(path: string): Stats | undefined {
    const above = dirname(path);
    if (above !== '.' && !this.#isFolder(above)) return undefined;
    return lstatSync(join(this.dir, path), { throwIfNoEntry: false });
  }

  /** Whether a file of the explorer is as an export wrote it. */
  #isOwn(path: string): boolean {
    if (!this.#isFile(path)) return false;
    const digest = digestAt(join(this.dir, path));
    return [...this.#lists.values()].some((list) =>
      list.explorer.some(([name, sha]) => name === path && sha === digest),
    );
  }
}

/** What a folder of data is called: the same files, the same name. */
export function dataName(
  data: ReadonlyMap<string, { readonly sha256: string }>,
  explorer: ReadonlyMap<string, Uint8Array>,
): string {
  const files = [
    ...[...data].map(([path, file]) => [path, file.sha256]),
    ...[...explorer].map(([path, bytes]) => [`../${path}`, sha256(bytes)]),
  ];
  const sorted = files.sort(([a], [b]) => (a! < b! ? -1 : 1));
  return `data-${sha256(JSON.stringify(sorted)).slice(0, 16)}`;
}

/** The list of what an export made. */
export function listOf(data: Iterable<string>, explorer: ReadonlyMap<string, Uint8Array>): SiteFileList {
  return {
    data: [...data].sort(),
    explorer: [...explorer].map(([path, bytes]) => [path, sha256(bytes)] as const),
  };
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The digest of a file; null where there is none. */
function digestAt(path: string): string | null {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ? sha256(readFileSync(path)) : null;
}

/** The files of a block that are there. */
function partsOf(folder: string, name: string): string[] {
  const first = statSync(join(folder, partFile(name, 0)), { throwIfNoEntry: false });
  if (!first?.isFile()) return [];
  const count = readFileSync(join(folder, partFile(name, 0))).readUInt16LE(0);
  return Array.from({ length: count }, (_, part) => partFile(name, part));
}

/** The list of a folder of data; null where it is none, or no list of an export's. */
function readList(folder: string): SiteFileList | null {
  try {
    const parts = partsOf(folder, block.files).map((path) => readFileSync(join(folder, path)));
    const zipped = Buffer.concat(parts).subarray(2);
    const list: unknown = JSON.parse(gunzipSync(zipped, { maxOutputLength: MOST_LIST }).toString());
    return isList(list) ? list : null;
  } catch {
    return null;
  }
}

function isList(list: unknown): list is SiteFileList {
  const { data, explorer } = (list ?? {}) as Partial<SiteFileList>;
  return (
    Array.isArray(data) &&
    data.every(isInside) &&
    Array.isArray(explorer) &&
    explorer.every((file) => Array.isArray(file) && isInside(file[0]) && typeof file[1] === 'string')
  );
}

/** Whether a path leads to a file in the folder. */
function isInside(path: unknown): boolean {
  if (typeof path !== 'string' || /[\\\0:]/.test(path)) return false;
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}
