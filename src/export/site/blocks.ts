import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { blockParts, partFile } from '../../contract/site.ts';
import { sha256 } from './site-folder.ts';

const zip = promisify(gzip);
/** Small blocks of one code each: what stands together in a file differs. */
const GZIP = { level: 9, memLevel: 6 };
/** Blocks that are compressed and written at once. */
const MOST = 16;

/** Writes the blocks of a site into a folder, some at a time. */
export class BlockWriter {
  readonly #folder: string;
  readonly #folders = new Set<string>();
  readonly #pending = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | null = null;
  /** The files that are written, by path. */
  readonly written = new Map<string, { readonly bytes: number; readonly sha256: string }>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Waits only while too many are on their way; `finish` waits for all. */
  async write(name: string, bytes: Uint8Array): Promise<void> {
    await this.#start(async () => this.#parts(name, new Uint8Array(await zip(bytes, GZIP))));
  }

  /** A block that is compressed already. */
  async zipped(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#start(() => this.#parts(name, bytes));
  }

  json(name: string, value: unknown): Promise<void> {
    return this.write(name, new TextEncoder().encode(JSON.stringify(value)));
  }

  /** A file as it is. */
  async plain(path: string, bytes: Uint8Array | string): Promise<void> {
    await this.#start(() => this.#file(path, bytes));
  }

  /** Waits for all that was begun. @throws the first error of any */
  async finish(): Promise<void> {
    await this.settle();
    this.#check();
  }

  /** Waits until nothing is written any more, whether it failed or not. */
  async settle(): Promise<void> {
    await Promise.all(this.#pending);
  }

  async #start(work: () => Promise<void>): Promise<void> {
    while (this.#pending.size >= MOST) await Promise.race(this.#pending);
    this.#check();
    const done: Promise<void> = work()
      .catch((error) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#pending.delete(done));
    this.#pending.add(done);
  }

  #check(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  async #parts(name: string, zipped: Uint8Array<ArrayBuffer>): Promise<void> {
    for (const [part, content] of blockParts(zipped).entries()) {
      await this.#file(partFile(name, part), content);
    }
  }

  async #file(path: string, bytes: Uint8Array | string): Promise<void> {
    const file = join(this.#folder, path);
    const folder = dirname(file);
    if (!this.#folders.has(folder)) {
      await mkdir(folder, { recursive: true });
      this.#folders.add(folder);
    }
    await writeFile(file, bytes);
    this.written.set(path, { bytes: Buffer.byteLength(bytes), sha256: sha256(bytes) });
  }
}
