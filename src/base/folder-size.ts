import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A file or folder, with all that is in it. */
export interface Stored {
  readonly path: string;
  /** Bytes; a file that has several names counts once. */
  readonly bytes: number;
  /** When it was last changed or used, in milliseconds since 1970. */
  readonly used: number;
}

/** How large a file or folder is; null where there is none. */
export async function storedAt(path: string): Promise<Stored | null> {
  const own = await stat(path).catch(() => null);
  if (own === null) return null;
  if (!own.isDirectory()) return { path, bytes: own.size, used: own.mtimeMs };
  const sizes = new Map<number, number>();
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const found = await stat(join(entry.parentPath, entry.name)).catch(() => null);
    if (found !== null) sizes.set(found.ino, found.size);
  }
  return { path, bytes: [...sizes.values()].reduce((sum, size) => sum + size, 0), used: own.mtimeMs };
}

/** What is in a folder, the last used first. */
export async function storedIn(folder: string): Promise<Stored[]> {
  const names = await readdir(folder).catch(() => [] as string[]);
  const found = await Promise.all(names.map((name) => storedAt(join(folder, name))));
  return found.filter((one) => one !== null).sort((a, b) => b.used - a.used);
}

/** Removes from a folder what was not used for longest, until at most `most` bytes are left; `keep` always stays. */
export async function makeRoom(folder: string, most: number, keep: string): Promise<void> {
  let left = most;
  for (const { path, bytes } of await storedIn(folder)) {
    left -= bytes;
    if (left < 0 && path !== keep) await rm(path, { recursive: true, force: true });
  }
}
