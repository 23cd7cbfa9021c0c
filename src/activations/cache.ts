import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { toHalves } from '../base/half.ts';
import { clearLeftovers, withLock } from '../base/lock.ts';
import { checkAborted, type LongCall } from '../base/progress.ts';
import { createRandom } from '../base/random.ts';
import { checkFolder, checkVacant } from '../base/writable.ts';
import { PolysemeError } from '../errors.ts';
import { convert, openFile, type RandomFile } from '../tensors/random-file.ts';
import { DTYPE_BYTES, readSafetensorsHeader, tensorOf } from '../tensors/safetensors.ts';
import { writeSafetensors } from '../tensors/write-safetensors.ts';
import type { ActivationSource } from './activation-source.ts';
import {
  type CacheDtype,
  type CacheManifest,
  MANIFEST,
  readManifest,
  refuseOther,
  SHARD_BYTES,
  shardName,
  writeManifest,
} from './cache-manifest.ts';

const DTYPES = { f16: 'F16', f32: 'F32' } as const;

/** Vectors read together. */
const BLOCK = 1024;

export interface WriteCacheOptions extends LongCall {
  readonly source: ActivationSource;
  /** The folder. */
  readonly out: string;
  /** Vectors; where the corpus has fewer, all of them. */
  readonly tokens: number;
  readonly dtype?: CacheDtype;
  readonly seed?: number;
  /** @internal Vectors of a shard. */
  readonly shardRows?: number;
}

/**
 * Writes one pass of a source to disk, shard by shard. A shard is in the manifest once it is whole on the disk, so
 * that a killed run goes on when it is called again; a complete cache is left as it is.
 *
 * @throws PolysemeError where the folder holds a cache of something else, or other files
 */
export async function writeCache(options: WriteCacheOptions): Promise<CacheManifest> {
  const { source, out, tokens, dtype = 'f16', seed = 0 } = options;
  checkFolder(out);
  checkVacant(out, { begun: MANIFEST });
  const { width, origin } = source;
  const bytes = dtype === 'f16' ? 2 : 4;
  const shardRows =
    options.shardRows ?? Math.max(BLOCK, Math.floor(SHARD_BYTES / (width * bytes * BLOCK)) * BLOCK);
  const asked: Asked = { version: 2, origin, dtype, width, wanted: tokens, shardRows, seed };
  const readOwn = async (): Promise<CacheManifest | null> => {
    const manifest = await readManifest(out, true);
    if (manifest !== null) refuseOther(out, manifest, asked);
    return manifest;
  };
  const begun = await readOwn();
  if (begun?.complete) {
    await clearLeftovers(out);
    return begun;
  }
  try {
    await mkdir(out, { recursive: true });
  } catch (error) {
    throw new PolysemeError(`cannot write activations to ${out}: ${(error as Error).message}`);
  }
  return withLock(out, 'writing activations to', async () => writeShards(options, asked, await readOwn()));
}

type Asked = Omit<CacheManifest, 'complete' | 'count' | 'place'>;

/** Writes what is missing. */
async function writeShards(
  { source, out, tokens, onProgress, signal }: WriteCacheOptions,
  asked: Asked,
  begun: CacheManifest | null,
): Promise<CacheManifest> {
  if (begun?.complete) return begun;
  // First of all: a folder without it is someone else's.
  if (begun === null)
    await writeManifest(out, { ...asked, count: 0, complete: false, place: { after: null, taken: 0 } });
  const { dtype, shardRows, width } = asked;
  let count = begun?.count ?? 0;
  let shard = new Float32Array(shardRows * width);
  let filled = 0;
  let before: unknown = begun?.place?.after ?? null;
  let skip = begun?.place?.taken ?? 0;
  const flush = async (place: CacheManifest['place']): Promise<CacheManifest> => {
    const vectors = shard.subarray(0, filled * width);
    if (filled > 0) {
      const data = dtype === 'f16' ? toHalves(vectors) : vectors;
      await writeSafetensors(join(out, shardName(Math.floor(count / shardRows))), {
        activations: { data, dtype: DTYPES[dtype], shape: [filled, width] },
        sums: { data: blockSums(data, width), shape: [Math.ceil(filled / BLOCK)] },
      });
    }
    count += filled;
    filled = 0;
    const manifest: CacheManifest = { ...asked, count, complete: place === null, place };
    await writeManifest(out, manifest);
    shard = new Float32Array(shardRows * width);
    return manifest;
  };
  reading: for await (const { vectors, cursor } of source.pass(0, before ?? undefined)) {
    checkAborted(signal);
    const rows = vectors.length / width;
    let taken = skip;
    skip = 0;
    while (taken < rows) {
      if (count + filled >= tokens) break reading;
      const size = Math.min(rows - taken, shardRows - filled, tokens - count - filled);
      shard.set(vectors.subarray(taken * width, (taken + size) * width), filled * width);
      filled += size;
      taken += size;
      if (filled === shardRows) await flush({ after: before, taken });
      onProgress?.({ stage: 'cache', done: count + filled, total: tokens, unit: 'vectors' });
    }
    before = cursor;
  }
  return flush(null);
}

/**
 * Vectors from a folder that `writeCache` filled. Each pass reads its blocks in an order of its own, drawn by `seed`:
 * vectors of one block come from neighbouring contexts.
 *
 * @throws PolysemeError where there is no cache, an unfinished one, or a damaged one
 */
export async function openCache(
  dir: string,
  { seed = 0 }: { seed?: number } = {},
): Promise<ActivationSource & { readonly manifest: CacheManifest }> {
  const manifest = await readManifest(dir, false);
  if (!manifest.complete) {
    throw new PolysemeError(
      `${dir} holds ${manifest.count} of ${manifest.wanted} vectors: it was not finished; run sae cache again to go on`,
    );
  }
  const { count, width, shardRows, origin } = manifest;
  if (count === 0) throw new PolysemeError(`${dir}: the cache holds no vector`);
  const shards = await openShards(dir, manifest);
  const blocks = shards.flatMap(({ rows }, s) =>
    Array.from({ length: Math.ceil(rows / BLOCK) }, (_, b) => ({ shard: s, first: b * BLOCK })),
  );
  return {
    manifest,
    origin,
    width,
    blockSize: Math.min(BLOCK, shardRows, count),
    async *pass(epoch, after) {
      const order = createRandom(seed, epoch).shuffle(Int32Array.from(blocks, (_, i) => i));
      for (let i = (after as number | undefined) ?? 0; i < order.length; i++) {
        const { shard, first } = blocks[order[i]!]!;
        const vectors = await readBlock(shards[shard]!, first, manifest);
        yield { vectors, cursor: i + 1, done: (i + 1) / order.length };
      }
    },
    async close() {
      await Promise.all(shards.map(({ file }) => file.close()));
    },
  };
}

interface Shard {
  readonly file: RandomFile;
  readonly offset: number;
  readonly rows: number;
  /** CRC-32 of the bytes of each block. */
  readonly sums: Uint32Array;
}

/** A block of vectors, its bytes compared with their checksum. */
async function readBlock(
  { file, offset, rows, sums }: Shard,
  first: number,
  { width, dtype }: CacheManifest,
): Promise<Float32Array> {
  const n = Math.min(BLOCK, rows - first);
  const type = DTYPES[dtype];
  const row = width * DTYPE_BYTES[type];
  const bytes = await file.bytes(offset + first * row, n * row);
  if (crc32(bytes) !== sums[first / BLOCK]) {
    throw new PolysemeError(
      `${file.label}: vectors ${first} to ${first + n - 1} are not what was written: their checksum differs; make the cache again`,
      'damaged',
    );
  }
  if (type === 'F32') return new Float32Array(bytes.buffer);
  const vectors = new Float32Array(n * width);
  convert(bytes, type, vectors);
  return vectors;
}

function blockSums(data: Float32Array | Uint16Array, width: number): Uint32Array {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const block = BLOCK * width * data.BYTES_PER_ELEMENT;
  return Uint32Array.from({ length: Math.ceil(bytes.length / block) }, (_, b) =>
    crc32(bytes.subarray(b * block, (b + 1) * block)),
  );
}

async function openShards(dir: string, { count, shardRows, width, dtype }: CacheManifest): Promise<Shard[]> {
  const shards: Shard[] = [];
  try {
    for (let s = 0; s * shardRows < count; s++) {
      const path = join(dir, shardName(s));
      const rows = Math.min(shardRows, count - s * shardRows);
      const header = await readSafetensorsHeader(path);
      const [ref, sums] = [tensorOf(header, 'activations'), tensorOf(header, 'sums')];
      const blocks = Math.ceil(rows / BLOCK);
      if (sums.dtype !== 'U32' || sums.shape.join() !== `${blocks}`) {
        throw new PolysemeError(
          `${path} holds ${sums.dtype} [${sums.shape.join(', ')}] as checksums of ${blocks} blocks`,
          'damaged',
        );
      }
      if (ref.dtype !== dtype.toUpperCase() || ref.shape.join() !== `${rows},${width}`) {
        throw new PolysemeError(
          `${path} holds ${ref.dtype} [${ref.shape.join(', ')}]; its manifest says ${dtype.toUpperCase()} [${rows}, ${width}]`,
          'damaged',
        );
      }
      const file = await openFile(path);
      shards.push({ file, offset: ref.offset, rows, sums: new Uint32Array(blocks) });
      await file.readInto(new Uint8Array(shards.at(-1)!.sums.buffer), sums.offset);
    }
    return shards;
  } catch (error) {
    await Promise.all(shards.map(({ file }) => file.close()));
    throw error;
  }
}
