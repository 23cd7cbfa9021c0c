import { writeSync, writevSync } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { PolysemeError } from '../errors.ts';
import { hasProcess } from './process.ts';

/** Most bytes of one read or write: more than 2³¹ − 1 fail on some systems. */
export const MAX_TRANSFER = 1 << 30;

/**
 * Writes a file whole or not at all: into a temporary file beside it, which takes its name once all of it is on the
 * disk.
 *
 * @param chunks text is written as UTF-8
 * @throws PolysemeError where it cannot be written; no-space where the disk is full
 */
export function writeWhole(
  path: string,
  chunks: Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>,
): Promise<void> {
  return makeWhole(path, async (temporary) => {
    const handle = await open(temporary, 'w');
    try {
      for await (const chunk of chunks) {
        await writeAll(handle, typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
  });
}

/**
 * Makes a file, a folder or a link whole or not at all: `make` writes it under the name that it is given. Then it is
 * put on the disk and takes the name `path`, in the place of a file that is there; a folder that is there must be
 * removed before. What killed processes left of earlier attempts is removed.
 *
 * @param options.aside the folder that it is made in, on the same disk; default the one that it goes to
 * @throws PolysemeError where it cannot be written; no-space where the disk is full
 */
export async function makeWhole(
  path: string,
  make: (temporary: string) => Promise<void> | void,
  { aside = dirname(path) }: { aside?: string } = {},
): Promise<void> {
  const temporary = join(aside, temporaryName(basename(path)));
  try {
    await removeLeftovers(aside, basename(path));
    await make(temporary);
    await toDisk(temporary);
    await rename(temporary, path);
    await toDisk(dirname(path));
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw writeError(path, error);
  }
}

/** What is said of an error that came while `path` was written. */
export function writeError(path: string, error: unknown): PolysemeError {
  if (error instanceof PolysemeError) return error;
  return isDiskFull(error) ? diskFull(path) : cannotWrite(path, error);
}

/**
 * Removes from a folder what processes that were killed had begun to write: of the file or folder `name`, else of all.
 * Temporary files of other machines are left alone: they may be written now. What cannot be removed, as it is another
 * user's, stays and does no harm.
 */
export async function removeLeftovers(folder: string, name?: string): Promise<void> {
  for (const entry of await readdir(folder).catch(() => [] as string[])) {
    const match = TEMPORARY.exec(entry);
    if (match === null || (name !== undefined && match[1] !== name)) continue;
    if (match[2] !== HOST || hasProcess(Number(match[3]))) continue;
    await rm(join(folder, entry), { recursive: true, force: true }).catch(() => {});
  }
}

/**
 * A new folder for what is needed only now, in the system's folder of temporary files (`TMPDIR`), which the caller removes.
 * What killed processes left of such is removed.
 */
export async function temporaryFolder(name: string): Promise<string> {
  await removeLeftovers(tmpdir(), name);
  const folder = join(tmpdir(), temporaryName(name));
  await mkdir(folder, { mode: 0o700 });
  return folder;
}

/** Whether an error says that a disk is full, or that a user may use no more of it. */
export function isDiskFull(error: unknown): boolean {
  const { code, message = '' } = (error ?? {}) as { code?: unknown; message?: string };
  // EFBIG: no file may become so large, by what the file system or `ulimit -f` says.
  if (['no-space', 'ENOSPC', 'EDQUOT', 'EFBIG', 'SQLITE_FULL'].includes(code as string)) return true;
  return /\b(ENOSPC|EDQUOT|EFBIG|SQLITE_FULL)\b|no space left|disk is full/i.test(message);
}

/** The one error of a full disk. @param path what could not be written */
export function diskFull(path: string): PolysemeError {
  return new PolysemeError(
    `the disk of ${path} is full; make room and run the same command again to continue`,
    'no-space',
  );
}

/** Writes all of the pieces at the file's end, or throws what the system says. */
export function writeAllSync(file: number, pieces: readonly Uint8Array[]): void {
  const total = pieces.reduce((sum, { length }) => sum + length, 0);
  let written = total <= MAX_TRANSFER ? writevSync(file, pieces) : 0;
  if (written === total) return;
  // A disk that fills up takes a part; the write after it tells why.
  for (const piece of pieces) {
    if (written >= piece.length) written -= piece.length;
    else {
      for (let at = written; at < piece.length; ) {
        at += writeSync(file, piece, at, Math.min(piece.length - at, MAX_TRANSFER));
      }
      written = 0;
    }
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await handle.write(bytes, at, Math.min(bytes.length - at, MAX_TRANSFER))).bytesWritten;
  }
}

const HOST = hostname().replaceAll(/[^A-Za-z0-9]/g, '_');
/** SQLite adds `-wal` and the like, a lock `.lock`. */
const TEMPORARY = /^\.(.+)\.(\w+)-(\d+)-\d+\.incomplete(?:[-.]\w+)?$/;
let count = 0;

/** Whether a file or folder is called as what is only being written. */
export function isTemporary(name: string): boolean {
  return TEMPORARY.test(name);
}

/** A name that no other call has, and that tells whose it is: see removeLeftovers. */
export function temporaryName(name: string): string {
  return `.${name}.${HOST}-${process.pid}-${count++}.incomplete`;
}

/** Waits until a file or folder is on the disk. */
async function toDisk(path: string): Promise<void> {
  // Some systems cannot open a folder; a link has nothing of its own to wait for.
  const handle = await open(path, 'r').catch(() => null);
  await handle?.sync().catch(() => {});
  await handle?.close();
}

function cannotWrite(path: string, error: unknown): PolysemeError {
  return new PolysemeError(`cannot write ${path}: ${(error as Error).message}`);
}
