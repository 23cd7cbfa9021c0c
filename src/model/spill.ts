import { type FileHandle, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { isDiskFull, MAX_TRANSFER, removeLeftovers, temporaryName } from '../base/files.ts';
import { PolysemeError } from '../errors.ts';

/** Values that lie on disk. */
export interface Spilled {
  readonly offset: number;
  readonly shape: readonly number[];
  /** CRC-32 of their bytes. */
  readonly sum: number;
}

const NAME = 'polyseme-layers';

/**
 * Values that wait on disk: one file in the system's folder of temporary files (`TMPDIR`). Where the system allows it, it
 * loses its name as soon as it is open, so that it is gone with the process, however that ends; elsewhere the next one
 * removes it.
 */
export class Spill {
  readonly #file: FileHandle;
  readonly #path: string;
  #end = 0;

  private constructor(file: FileHandle, path: string) {
    this.#file = file;
    this.#path = path;
  }

  /** @param folder default the system's folder of temporary files */
  static async open(folder = tmpdir()): Promise<Spill> {
    await removeLeftovers(folder, NAME);
    const path = join(folder, temporaryName(NAME));
    const file = await open(path, 'wx+', 0o600).catch((error: unknown) => {
      throw cannotKeep(path, error);
    });
    await rm(path, { force: true }).catch(() => {});
    return new Spill(file, path);
  }

  /** Writes values; in the place of others of as many, if these are no longer needed. */
  async put(values: Float32Array, shape: readonly number[], over?: Spilled): Promise<Spilled> {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const offset = over?.offset ?? this.#end;
    try {
      for (let at = 0; at < bytes.length; ) {
        const length = Math.min(bytes.length - at, MAX_TRANSFER);
        at += (await this.#file.write(bytes, at, length, offset + at)).bytesWritten;
      }
    } catch (error) {
      throw cannotKeep(this.#path, error);
    }
    if (over === undefined) this.#end += bytes.length;
    return { offset, shape, sum: crc32(bytes) };
  }

  /** @throws PolysemeError (damaged) where they are not what was written */
  async get({ offset, shape, sum }: Spilled): Promise<Float32Array> {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
    const bytes = new Uint8Array(values.buffer);
    for (let at = 0; at < bytes.length; ) {
      const length = Math.min(bytes.length - at, MAX_TRANSFER);
      const { bytesRead } = await this.#file.read(bytes, at, length, offset + at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    if (crc32(bytes) === sum) return values;
    throw new PolysemeError(
      `${this.#path}: what a group of layers gave is not what was written: the disk of temporary files is damaged`,
      'damaged',
    );
  }

  /** Forgets everything: its room is used again. */
  clear(): void {
    this.#end = 0;
  }

  async close(): Promise<void> {
    await this.#file.close();
    await rm(this.#path, { force: true });
  }
}

function cannotKeep(path: string, error: unknown): PolysemeError {
  const advice = 'set TMPDIR to a folder of a disk with more room';
  return isDiskFull(error)
    ? new PolysemeError(
        `the disk of ${path} is full, where groups of layers keep what they give: ${advice}`,
        'no-space',
      )
    : new PolysemeError(`cannot write ${path}: ${(error as Error).message}; ${advice}`);
}
