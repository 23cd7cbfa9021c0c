import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { PolysemeError } from '../errors.ts';
import { openToRead } from './read-file.ts';

/** A file as it was when it was read. */
export interface FileDigest {
  readonly name: string;
  readonly size: number;
  /** When it was last changed, in milliseconds since 1970. */
  readonly time: number;
  readonly sha256: string;
}

/** A file's name, size and time: what changes when it does, found without reading it. */
export async function fileStamp(path: string): Promise<Omit<FileDigest, 'sha256'>> {
  try {
    const { size, mtimeMs } = await stat(path);
    return { name: basename(path), size, time: mtimeMs };
  } catch (error) {
    throw new PolysemeError(`cannot read ${path}: ${(error as Error).message}`, 'not-found');
  }
}

/**
 * The digests of files. One that has the name, size and time of a `known` one is not read again.
 */
export async function digestFiles(
  paths: readonly string[],
  known: readonly FileDigest[] = [],
): Promise<FileDigest[]> {
  const digests: FileDigest[] = [];
  for (const path of paths) {
    const stamp = await fileStamp(path);
    const same = known.find(
      ({ name, size, time }) => name === stamp.name && size === stamp.size && time === stamp.time,
    );
    digests.push({ ...stamp, sha256: same?.sha256 ?? (await sha256Of(path)) });
  }
  return digests;
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  const file = await openToRead(path);
  for await (const chunk of file.createReadStream({ highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
