import { createReadStream } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { digestFiles } from '../../base/file-digest.ts';
import { temporaryName, writeWhole } from '../../base/files.ts';
import { PolysemeError, UsageError } from '../../errors.ts';
import { openKind } from '../shards/part-file.ts';
import { BucketStore, checkEndpoint } from './bucket.ts';
import { FolderStore, type Store } from './store.ts';

/** What a job gives: a part of a divided run, whose digest is that of its arrays, or a study, whose bytes are digested. */
export type Given = 'part' | 'study';

/** Where artefacts are. */
export interface ArtefactsPlace {
  /** A folder that all workers see, or s3://BUCKET[/PREFIX] */
  readonly artefacts: string;
  /** Address of an S3-compatible store; default what AWS_ENDPOINT_URL_S3 says, else Amazon's. */
  readonly artefactsEndpoint?: string;
}

/** @throws UsageError where artefacts can be in no such place */
export function checkPlace({ artefacts, artefactsEndpoint }: ArtefactsPlace): void {
  if (isBucket(artefacts) && (!URL.canParse(artefacts) || new URL(artefacts).hostname === '')) {
    throw new UsageError(
      `option artefacts is ${JSON.stringify(artefacts)}: it must be s3://BUCKET[/PREFIX], or a folder`,
    );
  }
  if (artefactsEndpoint === undefined) return;
  if (!isBucket(artefacts)) {
    throw new UsageError(
      `option artefactsEndpoint needs option artefacts s3://BUCKET, which is ${artefacts}`,
    );
  }
  checkEndpoint(artefactsEndpoint);
}

function isBucket(artefacts: string): boolean {
  return artefacts.startsWith('s3://');
}

/**
 * What the workers of a queue found: files named by their digest, written whole and never changed, and of each job that is
 * done a file with the name of what it gave.
 */
export class Artefacts {
  readonly #store: Store;
  /** The run whose files this machine has copies of. */
  #run: string | null = null;

  private constructor(store: Store) {
    this.#store = store;
  }

  static async open({ artefacts, artefactsEndpoint }: ArtefactsPlace): Promise<Artefacts> {
    return new Artefacts(
      isBucket(artefacts)
        ? await BucketStore.open(artefacts, artefactsEndpoint)
        : await FolderStore.open(artefacts),
    );
  }

  /** Tells of which run the next files are: copies of another's are not kept. */
  async turnTo(run: string): Promise<void> {
    if (this.#run !== null && this.#run !== run) await this.#store.forget();
    this.#run = run;
  }

  /** Where the parts of these digests can be read. @throws PolysemeError where one has another digest, or is gone */
  async paths(digests: readonly string[]): Promise<string[]> {
    const paths: string[] = [];
    for (const digest of digests) paths.push(await this.#path(digest, indexDigest));
    return paths;
  }

  /** What a job gave that is done; null where it is not, or where that is gone or damaged. */
  async given(job: string, given: Given): Promise<string | null> {
    const digest = await this.#store.text(doneName(job));
    if (digest === null) return null;
    return this.#path(digest, DIGESTS[given]).then(
      () => digest,
      (error: unknown) => {
        if (error instanceof PolysemeError && error.code !== 'unreachable') return null;
        throw error;
      },
    );
  }

  /** Keeps what a job gives: `make` writes it under the name that it is given. Returns its digest. */
  async give(job: string, given: Given, make: (temporary: string) => Promise<unknown>): Promise<string> {
    const digest = await this.#keep(job, given, make);
    await this.#store.keepText(doneName(job), digest);
    return digest;
  }

  /** Keeps the plan of a run. */
  async givePlan(path: string): Promise<void> {
    await this.#keep('plan', 'part', (temporary) => copyFile(path, temporary));
  }

  /** Copies a study to a file. */
  async copyStudy(digest: string, out: string): Promise<void> {
    await writeWhole(out, createReadStream(await this.#path(digest, DIGESTS.study)));
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #keep(name: string, given: Given, make: (temporary: string) => Promise<unknown>): Promise<string> {
    const temporary = join(this.#store.scratch, temporaryName(name));
    try {
      await make(temporary);
      const digest = await indexOrBytes(temporary, given);
      await this.#store.keep(temporary, digest);
      return digest;
    } finally {
      await rm(temporary, { force: true });
    }
  }

  /** Where a file can be read that has the digest of its name. */
  async #path(digest: string, digestOf: (path: string) => Promise<string>): Promise<string> {
    if (!/^[0-9a-f]{64}$/.test(digest))
      throw new PolysemeError(`${JSON.stringify(digest)} is no SHA-256`, 'damaged');
    const path = await this.#store.file(digest);
    if (path === null) {
      throw new PolysemeError(
        `${this.#store.shown} lacks ${digest}: the same command makes it anew`,
        'not-found',
      );
    }
    const found = await digestOf(path).catch((error: Error) => error);
    if (found === digest) return path;
    await this.#store.forget(digest);
    const why = found instanceof Error ? found.message : 'its SHA-256 is not its name';
    throw new PolysemeError(
      `${digest} in ${this.#store.shown} is damaged: ${why}; the same command makes it anew`,
      'damaged',
    );
  }
}

const doneName = (job: string): string => `${job}.done`;

const indexDigest = async (path: string): Promise<string> =>
  (await openKind(path, 'a part of a divided run')).digest;

const bytesDigest = async (path: string): Promise<string> => (await digestFiles([path]))[0]!.sha256;

/** The digests of what is checked to its last byte. */
const DIGESTS: Readonly<Record<Given, (path: string) => Promise<string>>> = {
  async part(path) {
    const file = await openKind(path, 'a part of a divided run');
    await file.check();
    return file.digest;
  },
  study: bytesDigest,
};

/** The digest of what has just been made. */
function indexOrBytes(path: string, given: Given): Promise<string> {
  return given === 'part' ? indexDigest(path) : bytesDigest(path);
}
