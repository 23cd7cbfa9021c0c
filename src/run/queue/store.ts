import { constants } from 'node:fs';
import { access, mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { removeLeftovers, writeWhole } from '../../base/files.ts';
import { checkFolder } from '../../base/writable.ts';
import { PolysemeError } from '../../errors.ts';

/** Where artefacts lie, as files by their names: a folder, or a bucket. None is ever changed. */
export interface Store {
  /** As users know it: `/shared/artefacts`, `s3://bucket/prefix` */
  readonly shown: string;
  /** The folder in which files are made that the store shall keep. */
  readonly scratch: string;
  /** Where a file can be read on this machine; null where there is none of that name. */
  file(name: string): Promise<string | null>;
  /** Takes a file from the scratch folder, whole. */
  keep(made: string, name: string): Promise<void>;
  text(name: string): Promise<string | null>;
  keepText(name: string, text: string): Promise<void>;
  /** Forgets this machine's copies, if it makes any: of one file, or of all. */
  forget(name?: string): Promise<void>;
  close(): Promise<void>;
}

/** A folder that all workers see. */
export class FolderStore implements Store {
  readonly shown: string;
  readonly scratch: string;

  private constructor(folder: string) {
    this.shown = folder;
    this.scratch = folder;
  }

  static async open(folder: string): Promise<FolderStore> {
    checkFolder(folder, `option artefacts ${folder}`);
    await mkdir(folder, { recursive: true }).catch((error: Error) => {
      throw new PolysemeError(`option artefacts ${folder}: ${error.message}`);
    });
    await removeLeftovers(folder);
    return new FolderStore(folder);
  }

  async file(name: string): Promise<string | null> {
    const path = join(this.scratch, name);
    return access(path, constants.R_OK).then(
      () => path,
      () => null,
    );
  }

  async keep(made: string, name: string): Promise<void> {
    await rename(made, join(this.scratch, name));
  }

  text(name: string): Promise<string | null> {
    return readFile(join(this.scratch, name), 'utf8').catch(() => null);
  }

  async keepText(name: string, text: string): Promise<void> {
    await writeWhole(join(this.scratch, name), [text]);
  }

  async forget(): Promise<void> {}

  async close(): Promise<void> {}
}
