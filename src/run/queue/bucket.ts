import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import { diskFull, isDiskFull, temporaryFolder, temporaryName } from '../../base/files.ts';
import { loadOptional } from '../../base/optional.ts';
import { PolysemeError, UsageError } from '../../errors.ts';
import { patiently } from './patiently.ts';
import type { Store } from './store.ts';

/** Bytes of a part of a large upload, at least; and most parts that an upload may have. */
const PART = 8 << 20;
const PARTS = 9000;
/** Milliseconds for a connection, and of silence in one. */
const CONNECT_MS = 5000;
const SILENCE_MS = 20_000;
/** Seconds for which a bucket may be away at the start. */
const AWAY_AT_START = 3;
/** Of this machine's copies. */
const COPIES = 'polyseme-artefacts';

type Sdk = typeof import('@aws-sdk/client-s3') & typeof import('@aws-sdk/lib-storage');

/** A bucket of an S3-compatible store, with copies of what was read of it on this machine. */
export class BucketStore implements Store {
  readonly shown: string;
  scratch = '';
  readonly #sdk: Sdk;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  private constructor(url: string, sdk: Sdk, client: S3Client) {
    const { hostname, pathname } = new URL(url);
    this.shown = url;
    this.#sdk = sdk;
    this.#client = client;
    this.#bucket = hostname;
    this.#prefix = pathname.replace(/^\/+|\/+$/g, '');
  }

  /**
   * @param url s3://BUCKET[/PREFIX], see checkPlace
   * @param endpoint of another store than Amazon's; else what AWS_ENDPOINT_URL_S3 and the like say
   * @throws PolysemeError where the bucket does not answer, is not there, or does not let in
   */
  static async open(url: string, endpoint: string | undefined): Promise<BucketStore> {
    const sdk = await loadSdk();
    const store = new BucketStore(url, sdk, connect(sdk, endpoint));
    await store.#patiently(
      () => store.#client.send(new sdk.HeadBucketCommand({ Bucket: store.#bucket })),
      AWAY_AT_START,
    );
    store.scratch = await temporaryFolder(COPIES);
    return store;
  }

  async file(name: string): Promise<string | null> {
    const copy = join(this.scratch, name);
    if ((await stat(copy).catch(() => null)) !== null) return copy;
    const temporary = join(this.scratch, temporaryName(name));
    try {
      const found = await this.#read(name, (body) => written(body, temporary));
      if (found === null) return null;
      await rename(temporary, copy);
      return copy;
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async keep(made: string, name: string): Promise<void> {
    const { size } = await stat(made);
    await this.#patiently(() =>
      new this.#sdk.Upload({
        client: this.#client,
        params: { Bucket: this.#bucket, Key: this.#key(name), Body: createReadStream(made) },
        partSize: Math.max(PART, Math.ceil(size / PARTS)),
      }).done(),
    );
    await rename(made, join(this.scratch, name));
  }

  async text(name: string): Promise<string | null> {
    let text = '';
    const found = await this.#read(name, async (body) => {
      const chunks: Buffer[] = [];
      for await (const chunk of body) chunks.push(chunk as Buffer);
      text = Buffer.concat(chunks).toString('utf8');
    });
    return found === null ? null : text;
  }

  async keepText(name: string, text: string): Promise<void> {
    const Key = this.#key(name);
    await this.#patiently(() =>
      this.#client.send(new this.#sdk.PutObjectCommand({ Bucket: this.#bucket, Key, Body: text })),
    );
  }

  async forget(name?: string): Promise<void> {
    await rm(name === undefined ? this.scratch : join(this.scratch, basename(name)), {
      recursive: true,
      force: true,
    });
    await mkdir(this.scratch, { recursive: true, mode: 0o700 });
  }

  async close(): Promise<void> {
    this.#client.destroy();
    await rm(this.scratch, { recursive: true, force: true });
  }

  #key(name: string): string {
    return this.#prefix === '' ? name : `${this.#prefix}/${name}`;
  }

  /** Reads an object to its end; null where there is none. */
  #read(name: string, take: (body: Readable) => Promise<void>): Promise<true | null> {
    const Key = this.#key(name);
    return this.#patiently(async () => {
      try {
        const { Body } = await this.#client.send(
          new this.#sdk.GetObjectCommand({ Bucket: this.#bucket, Key }),
        );
        await take(Body as Readable);
        return true;
      } catch (error) {
        if ((error as Error).name === 'NoSuchKey') return null;
        throw error;
      }
    });
  }

  /** Does something with the bucket, again and again while it is away; what it refuses is an error at once. */
  #patiently<T>(work: () => Promise<T>, away?: number): Promise<T> {
    return patiently(
      `the bucket ${this.shown}`,
      async () => {
        try {
          return await work();
        } catch (error) {
          throw refusal(error as Error, this.shown, this.#bucket) ?? error;
        }
      },
      { away },
    );
  }
}

async function loadSdk(): Promise<Sdk> {
  // It warns of versions of Node that later versions of it will not have; this one has been tested.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  return loadOptional(
    async () => ({ ...(await import('@aws-sdk/client-s3')), ...(await import('@aws-sdk/lib-storage')) }),
    'artefacts with s3://',
    ['@aws-sdk/client-s3', '@aws-sdk/lib-storage'],
  );
}

/** @throws UsageError where the address of a store is none */
export function checkEndpoint(address: string): void {
  if (/^https?:\/\/./.test(address)) return;
  throw new UsageError(
    `option artefactsEndpoint is ${JSON.stringify(address)}: it must be http:// or https://`,
  );
}

function connect(sdk: Sdk, given: string | undefined): S3Client {
  const { env } = process;
  const other = given ?? env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'];
  if (other !== undefined) checkEndpoint(other);
  const region = env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'];
  return new sdk.S3Client({
    // Stores other than Amazon's have no names of buckets in those of hosts, often no region, and not all checksums.
    ...(other !== undefined && { endpoint: other, forcePathStyle: true, region: region ?? 'us-east-1' }),
    ...(region !== undefined && { region }),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: SILENCE_MS,
      socketTimeout: SILENCE_MS,
      throwOnRequestTimeout: true,
    },
  });
}

/** Writes a stream into a file. */
async function written(body: Readable, path: string): Promise<void> {
  try {
    await pipeline(body, createWriteStream(path));
  } catch (error) {
    throw isDiskFull(error) ? diskFull(path) : error;
  }
}

/** What a store says that it will say again; null for what may pass. */
function refusal(
  error: Error & { $metadata?: { httpStatusCode?: number }; code?: string },
  shown: string,
  bucket: string,
): PolysemeError | null {
  if (error instanceof PolysemeError) return error;
  const at = `option artefacts ${shown}`;
  if (error.name === 'CredentialsProviderError') {
    return new PolysemeError(
      `${at}: there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE`,
    );
  }
  if (error.message === 'Region is missing') {
    return new PolysemeError(
      `${at}: set AWS_REGION, or option artefactsEndpoint for another store than Amazon's`,
    );
  }
  if (isDiskFull(error)) return diskFull(tmpdir());
  const status = error.$metadata?.httpStatusCode;
  // 408 and 429 ask for patience.
  if (status === undefined || status < 400 || status >= 500 || status === 408 || status === 429) return null;
  if (status === 404) {
    return new PolysemeError(
      `${at}: there is no bucket ${bucket}: create it, or check the name`,
      'not-found',
    );
  }
  const said = error.name === 'Unknown' || error.name === String(status) ? '' : ` (${error.name})`;
  return new PolysemeError(
    `${at}: the store answers ${status}${said}: check the credentials and what they may do`,
    'unreachable',
  );
}
