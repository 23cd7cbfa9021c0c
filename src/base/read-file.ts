import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { PolysemeError } from '../errors.ts';

export interface ReadFileOptions {
  /** What messages call the file; default its path. */
  readonly label?: string;
  /** Flags of `open` beside those for reading. */
  readonly flags?: number;
}

/**
 * Opens a file to read. A pipe would be waited for, a device read without end: only regular files are opened.
 * @throws PolysemeError not-found where there is none
 */
export async function openToRead(
  path: string,
  { label = path, flags = 0 }: ReadFileOptions = {},
): Promise<FileHandle> {
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | flags).catch((error) => {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new PolysemeError(`cannot read ${label}: no such file`, 'not-found');
    // Node's message ends with the call and the path.
    throw new PolysemeError(`cannot read ${label}: ${message.replace(/, \w+ '.*'$/, '')}`);
  });
  const stat = await handle.stat();
  if (stat.isFile()) return handle;
  await handle.close();
  const what = stat.isDirectory() ? 'a folder' : stat.isFIFO() ? 'a pipe' : 'a device';
  throw new PolysemeError(`cannot read ${label}: it is ${what}, not a file`);
}

/** Reads a whole file of at most `limit` bytes; every fault is one line that names it. */
export async function readWhole(path: string, limit: number, options: ReadFileOptions = {}): Promise<Buffer> {
  const { label = path } = options;
  const handle = await openToRead(path, options);
  try {
    const { size } = await handle.stat();
    if (size > limit) throw new PolysemeError(`${label} has ${size} bytes (limit ${limit})`, 'damaged');
    return await handle.readFile();
  } catch (error) {
    if (error instanceof PolysemeError) throw error;
    throw new PolysemeError(`cannot read ${label}: ${(error as Error).message}`);
  } finally {
    await handle.close();
  }
}
