import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { acceptsGzip } from './headers.ts';

/** Answers below this are sent as they are. */
const LEAST_GZIPPED = 4096;

const compress = promisify(gzip);

/** A body with its type and ETag, compressed when somebody first asks for that. */
export class Entity {
  readonly body: Buffer<ArrayBuffer>;
  readonly type: string;
  readonly etag: string;
  readonly #level: number;
  #gzip: Promise<Buffer<ArrayBuffer>> | null = null;

  /**
   * @param level of gzip: 1 for what is made on request, 9 for what is kept
   * @param etag default: from the body
   */
  constructor(body: Buffer<ArrayBuffer>, type: string, level: number, etag = entityTag(body)) {
    this.body = body;
    this.type = type;
    this.etag = etag;
    this.#level = level;
  }

  async respond(request: Request, cacheControl: string): Promise<Response> {
    const headers = { 'cache-control': cacheControl, etag: this.etag, vary: 'accept-encoding' };
    const small =
      this.body.length < LEAST_GZIPPED || !/json|octet-stream|text|javascript|svg|wasm/.test(this.type);
    if (small || !acceptsGzip(request.headers.get('accept-encoding'))) {
      return new Response(this.body, {
        headers: { ...headers, 'content-type': this.type, 'content-length': String(this.body.length) },
      });
    }
    this.#gzip ??= compress(this.body, { level: this.#level }) as Promise<Buffer<ArrayBuffer>>;
    const packed = await this.#gzip;
    return new Response(packed, {
      headers: {
        ...headers,
        'content-type': this.type,
        'content-encoding': 'gzip',
        'content-length': String(packed.length),
      },
    });
  }
}

/** An ETag that stands for what is given. It is weak: the same for a body compressed or not. */
export function entityTag(of: string | Uint8Array): string {
  return `W/"${createHash('sha1').update(of).digest('base64url').slice(0, 20)}"`;
}
