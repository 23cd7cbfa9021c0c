import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { writeWhole } from '../base/files.ts';
import { toHalves } from '../base/half.ts';
import { withLock } from '../base/lock.ts';
import { checkAborted, type LongCall } from '../base/progress.ts';
import { createRandom } from '../base/random.ts';
import { PolysemeError } from '../errors.ts';
import { openFile, type RandomFile, readFloats } from '../tensors/random-file.ts';
import { readSafetensorsHeader, tensorOf } from '../tensors/safetensors.ts';
import { writeSafetensors } from '../tensors/write-safetensors.ts';
import type { ActivationOrigin, ActivationSource } from './activation-source.ts';

export const CACHE_DTYPES = ['f16', 'f32'] as const;
export type CacheDtype = (typeof CACHE_DTYPES)[number];

/** What a folder of cached activations holds, in `manifest.json`. */
export interface CacheManifest {
  readonly version: 1;
  /** Whether it is all there; if not, the same command goes on after `place`. */
  readonly complete: boolean;
  readonly origin: ActivationOrigin;
  readonly dtype: CacheDtype;
  readonly width: number;
  /** Vectors that were asked for, and those that are there (fewer where the corpus has no more). */
  readonly wanted: number;
  readonly count: number;
  /** Vectors of each shard `activations-00000.safetensors` …, the last one excepted. */
  readonly shardRows: number;
  readonly seed: number;
  /** The source's cursor, and vectors of the block after it that are in. */
  readonly place: { readonly after: unknown; readonly taken: number } | null;
}

/** Bytes of a shard, about. */
const SHARD_BYTES = 64 << 20;
/** Vectors read together. */
const BLOCK = 1024;
/** Vectors of a cache: 2⁴⁰. */
const MAX_COUNT = 2 ** 40;

const manifestShape = z.object({
  version: z.literal(1),
  complete: z.boolean(),
  origin: z.object({
    model: z.string(),
    modelDigest: z.string(),
    site: z.string(),
    data: z.string(),
    column: z.string(),
    context: z.int().min(2),
    bos: z.boolean(),
    contexts: z.int().nullable(),
  }),
  dtype: z.enum(CACHE_DTYPES),
  width: z.int().min(1).max(65_536),
  wanted: z.int().min(1).max(MAX_COUNT),
  count: z.int().min(0).max(MAX_COUNT),
  shardRows: z.int().min(1).max(SHARD_BYTES),
  seed: z.int(),
  place: z.object({ after: z.unknown(), taken: z.int().min(0) }).nullable(),
});

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
 * @throws PolysemeError where the folder holds a cache of something else
 */
export async function writeCache(options: WriteCacheOptions): Promise<CacheManifest> {
  const { source, out, tokens, dtype = 'f16', seed = 0 } = options;
  const { width, origin } = source;
  const bytes = dtype === 'f16' ? 2 : 4;
  const shardRows =
    options.shardRows ?? Math.max(BLOCK, Math.floor(SHARD_BYTES / (width * bytes * BLOCK)) * BLOCK);
  const asked: Asked = { version: 1, origin, dtype, width, wanted: tokens, shardRows, seed };
  const readOwn = async (): Promise<CacheManifest | null> => {
    const manifest = await readManifest(out, true);
    if (manifest !== null) refuseOther(out, manifest, asked);
    return manifest;
  };
  const begun = await readOwn();
  if (begun?.complete) return begun;
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
  const { dtype, shardRows, width } = asked;
  let count = begun?.count ?? 0;
  let shard = new Float32Array(shardRows * width);
  let filled = 0;
  let before: unknown = begun?.place?.after ?? null;
  let skip = begun?.place?.taken ?? 0;
  const flush = async (place: CacheManifest['place']): Promise<CacheManifest> => {
    const data = shard.subarray(0, filled * width);
    if (filled > 0) {
      await writeSafetensors(join(out, shardName(Math.floor(count / shardRows))), {
        activations:
          dtype === 'f16'
            ? { data: toHalves(data), dtype: 'F16', shape: [filled, width] }
            : { data, shape: [filled, width] },
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
        const { file, offset, rows } = shards[shard]!;
        const n = Math.min(BLOCK, rows - first);
        const [bytes, type] = manifest.dtype === 'f16' ? ([2, 'F16'] as const) : ([4, 'F32'] as const);
        const vectors = await readFloats(file, offset + first * width * bytes, n * width, type);
        yield { vectors, cursor: i + 1, done: (i + 1) / order.length };
      }
    },
    async close() {
      await Promise.all(shards.map(({ file }) => file.close()));
    },
  };
}

async function openShards(dir: string, { count, shardRows, width, dtype }: CacheManifest) {
  const shards: { file: RandomFile & { close(): Promise<void> }; offset: number; rows: number }[] = [];
  try {
    for (let s = 0; s * shardRows < count; s++) {
      const path = join(dir, shardName(s));
      const rows = Math.min(shardRows, count - s * shardRows);
      const ref = tensorOf(await readSafetensorsHeader(path), 'activations');
      if (ref.dtype !== dtype.toUpperCase() || ref.shape.join() !== `${rows},${width}`) {
        throw new PolysemeError(
          `${path} holds ${ref.dtype} [${ref.shape.join(', ')}]; its manifest says ${dtype.toUpperCase()} [${rows}, ${width}]`,
          'damaged',
        );
      }
      shards.push({ file: await openFile(path), offset: ref.offset, rows });
    }
    return shards;
  } catch (error) {
    await Promise.all(shards.map(({ file }) => file.close()));
    throw error;
  }
}

async function readManifest(dir: string, mayMiss: true): Promise<CacheManifest | null>;
async function readManifest(dir: string, mayMiss: false): Promise<CacheManifest>;
async function readManifest(dir: string, mayMiss: boolean): Promise<CacheManifest | null> {
  const path = join(dir, 'manifest.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (mayMiss) return null;
    const reason =
      (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'it has no manifest.json' : String(error);
    throw new PolysemeError(
      `${dir} is no folder of cached activations: ${reason}; sae cache makes one`,
      'not-found',
    );
  }
  try {
    return manifestShape.parse(JSON.parse(text)) as CacheManifest;
  } catch {
    throw new PolysemeError(`${path} is damaged: make the cache again`, 'damaged');
  }
}

async function writeManifest(dir: string, manifest: CacheManifest): Promise<void> {
  try {
    const text = `${JSON.stringify(manifest, null, 2)}\n`;
    await writeWhole(join(dir, 'manifest.json'), [text]);
  } catch (error) {
    throw new PolysemeError(`cannot write ${join(dir, 'manifest.json')}: ${(error as Error).message}`);
  }
}

/** A folder with other activations is not written over. */
function refuseOther(out: string, manifest: CacheManifest, asked: object): void {
  const flat = (nested: object): Record<string, unknown> => {
    const { origin, ...rest } = nested as CacheManifest;
    return { ...rest, ...origin };
  };
  const [before, now] = [flat(manifest), flat(asked)];
  const differences = Object.keys(now)
    .filter((key) => JSON.stringify(before[key]) !== JSON.stringify(now[key]))
    .map((key) => `${key} ${JSON.stringify(before[key])} there, ${JSON.stringify(now[key])} asked`);
  if (differences.length > 0) {
    throw new PolysemeError(
      `${out} holds other activations (${differences.slice(0, 4).join('; ')}): choose another output (option out)`,
      'exists',
    );
  }
}

function shardName(shard: number): string {
  return `activations-${String(shard).padStart(5, '0')}.safetensors`;
}
