import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { removeLeftovers, temporaryName, writeWhole } from '../../base/files.ts';
import { PolysemeError } from '../../errors.ts';
import { openKind } from '../shards/part-file.ts';

const WHAT = 'a part of a divided run';

/**
 * A folder that all workers see, with what they found: files named by their SHA-256, written whole and never changed,
 * and of each job that is done a file with the name of what it gave.
 */
export class Artefacts {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(folder: string): Promise<Artefacts> {
    await mkdir(folder, { recursive: true }).catch((error: Error) => {
      throw new PolysemeError(`option artefacts ${folder}: ${error.message}`);
    });
    await removeLeftovers(folder);
    return new Artefacts(folder);
  }

  path(digest: string): string {
    return join(this.folder, digest);
  }

  /** The files of these digests. @throws PolysemeError where one has another digest, or is gone */
  async paths(digests: readonly string[]): Promise<string[]> {
    for (const digest of digests) {
      const path = this.path(digest);
      if ((await openKind(path, WHAT)).digest === digest) continue;
      throw new PolysemeError(
        `${path} is damaged: its SHA-256 is not its name; delete the folder and run again`,
        'damaged',
      );
    }
    return digests.map((digest) => this.path(digest));
  }

  /** What a job gave that is done; null where it is not, or where that is gone or damaged. */
  async given(job: string): Promise<string | null> {
    const digest = await readFile(join(this.folder, `${job}.done`), 'utf8').catch(() => null);
    if (digest === null) return null;
    return this.paths([digest]).then(
      () => digest,
      () => null,
    );
  }

  /** Keeps what a job gives: `make` writes a sealed file under the name that it is given. Returns its digest. */
  async give(job: string, make: (temporary: string) => Promise<unknown>): Promise<string> {
    const temporary = join(this.folder, temporaryName(job));
    try {
      await make(temporary);
      const { digest } = await openKind(temporary, WHAT);
      await rename(temporary, this.path(digest));
      await writeWhole(join(this.folder, `${job}.done`), [digest]);
      return digest;
    } finally {
      await rm(temporary, { force: true });
    }
  }
}
