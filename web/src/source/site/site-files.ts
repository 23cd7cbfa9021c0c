import { unpack } from '../../../../src/base/pack.ts';
import { partFile } from '../../../../src/contract/site.ts';
import { gzipCrc } from '../../../../src/contract/site-model.ts';
import { ApiError } from '../http.ts';

/** The bytes of a file of the site's data. */
export type ReadFile = (path: string, signal?: AbortSignal) => Promise<Uint8Array<ArrayBuffer>>;

/** Parts of a block that are asked for at once. */
const AT_ONCE = 32;

/** Reads files beside the page. @param base address of the data's folder */
export function fetchedFiles(base: string): ReadFile {
  return async (path, signal) => {
    let response: Response;
    try {
      response = await fetch(new URL(path, base), { signal });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiError(0, `The host of this site does not answer (${path}).`);
    }
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
    throw new ApiError(
      response.status,
      response.status === 404
        ? `This site lacks its file ${path}: was the folder copied whole?`
        : `The host of this site answered ${response.status} (${path}).`,
    );
  };
}

interface WantedBytes {
  readonly signal?: AbortSignal | undefined;
  readonly onBytes?: (more: number) => void;
  readonly crc?: number;
}

/** The blocks of a site: see contract/site.ts. */
export class SiteFiles {
  readonly #read: ReadFile;

  constructor(read: ReadFile) {
    this.#read = read;
  }

  /** A file of plain JSON. */
  async plain<T>(path: string): Promise<T> {
    return parsed(await this.#read(path), path) as T;
  }

  async json<T>(name: string, signal?: AbortSignal): Promise<T> {
    return parsed(await this.bytes(name, { signal }), name) as T;
  }

  async arrays<T>(name: string, signal?: AbortSignal): Promise<T> {
    return unpack(await this.bytes(name, { signal }), name) as T;
  }

  /** @param wanted.onBytes is told of the bytes of each part; `wanted.crc`: CRC-32 of what the block must hold */
  async bytes(
    name: string,
    { signal, onBytes = () => {}, crc }: WantedBytes = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    const part = async (number: number) => {
      const bytes = await this.#read(partFile(name, number), signal);
      onBytes(bytes.length - (number === 0 ? 2 : 0));
      return bytes;
    };
    const first = await part(0);
    const count = first.length < 2 ? 0 : first[0]! + 256 * first[1]!;
    if (count === 0) throw damaged(name);
    const parts = [first.subarray(2)];
    // Not all at once: a count that is damaged asks for thousands that are not there.
    for (let from = 1; from < count; from += AT_ONCE) {
      const length = Math.min(AT_ONCE, count - from);
      parts.push(...(await Promise.all(Array.from({ length }, (_, i) => part(from + i)))));
    }
    const zipped = new Blob(parts);
    if (crc !== undefined) {
      const end = new Uint8Array(await zipped.slice(-8).arrayBuffer());
      if (end.length < 8 || gzipCrc(end) !== crc) throw damaged(name);
    }
    return unzipped(zipped, name);
  }
}

async function unzipped(blob: Blob, name: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const stream = blob.stream().pipeThrough(new DecompressionStream('gzip'));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch {
    throw damaged(name);
  }
}

function parsed(bytes: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw damaged(name);
  }
}

function damaged(name: string): ApiError {
  return new ApiError(500, `A file of this site is damaged (${name}): copy the folder anew.`);
}
