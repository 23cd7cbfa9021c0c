import { join } from 'node:path';
import * as z from 'zod';
import { writeWhole } from '../base/files.ts';
import { readWhole } from '../base/read-file.ts';
import { sealedJson, unsealedJson } from '../base/sealed.ts';
import { PolysemeError } from '../errors.ts';
import { DEVICES } from '../model/device.ts';
import type { ActivationOrigin } from './activation-source.ts';

export const CACHE_DTYPES = ['f16', 'f32'] as const;
export type CacheDtype = (typeof CACHE_DTYPES)[number];

/** The file of a folder that says what it holds. */
export const MANIFEST = 'manifest.json';

/** What a folder of cached activations holds. */
export interface CacheManifest {
  readonly version: 2;
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
export const SHARD_BYTES = 64 << 20;
/** Bytes of a manifest: it has some 700. */
const MAX_MANIFEST = 1 << 20;
/** Vectors of a cache: 2⁴⁰. */
const MAX_COUNT = 2 ** 40;

const manifestShape = z.object({
  version: z.literal(2),
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
    device: z.enum(DEVICES).optional(),
  }),
  dtype: z.enum(CACHE_DTYPES),
  width: z.int().min(1).max(65_536),
  wanted: z.int().min(1).max(MAX_COUNT),
  count: z.int().min(0).max(MAX_COUNT),
  shardRows: z.int().min(1).max(SHARD_BYTES),
  seed: z.int(),
  place: z.object({ after: z.unknown(), taken: z.int().min(0) }).nullable(),
});

/** The manifest of a folder. @throws PolysemeError where there is none, unless it may miss, or a damaged one */
export async function readManifest(dir: string, mayMiss: true): Promise<CacheManifest | null>;
export async function readManifest(dir: string, mayMiss: false): Promise<CacheManifest>;
export async function readManifest(dir: string, mayMiss: boolean): Promise<CacheManifest | null> {
  const path = join(dir, MANIFEST);
  let text: string;
  try {
    text = (await readWhole(path, MAX_MANIFEST)).toString();
  } catch (error) {
    const { code, message } = error as PolysemeError;
    if (mayMiss && code === 'not-found') return null;
    const reason = code === 'not-found' ? 'it has no manifest.json' : message;
    throw new PolysemeError(
      `${dir} is no folder of cached activations: ${reason}; sae cache makes one`,
      code,
    );
  }
  try {
    return manifestShape.parse(unsealedJson(text)) as CacheManifest;
  } catch (error) {
    const why =
      error instanceof z.ZodError ? z.prettifyError(error).replaceAll(/\s+/g, ' ') : (error as Error).message;
    throw new PolysemeError(
      `${path} is damaged (${why}): delete the folder and make the cache again`,
      'damaged',
    );
  }
}

export async function writeManifest(dir: string, manifest: CacheManifest): Promise<void> {
  try {
    await writeWhole(join(dir, MANIFEST), [sealedJson(manifest)]);
  } catch (error) {
    throw new PolysemeError(`cannot write ${join(dir, MANIFEST)}: ${(error as Error).message}`);
  }
}

/** A folder with other activations is not written over. */
export function refuseOther(out: string, manifest: CacheManifest, asked: object): void {
  const flat = (nested: object): Record<string, unknown> => {
    const { origin, ...rest } = nested as CacheManifest;
    return { ...rest, device: 'cpu', ...origin };
  };
  const [before, now] = [flat(manifest), flat(asked)];
  const differences = Object.keys(now)
    .map((key) => [key, JSON.stringify(before[key]), JSON.stringify(now[key])])
    .filter(([, then, asked]) => then !== asked)
    .map(([key, then, asked]) => `${key} ${then} there, ${asked} asked`);
  if (differences.length > 0) {
    throw new PolysemeError(
      `${out} holds other activations (${differences.slice(0, 4).join('; ')}): choose another output (option out)`,
      'exists',
    );
  }
}

/** The file's name of a shard. */
export function shardName(shard: number): string {
  return `activations-${String(shard).padStart(5, '0')}.safetensors`;
}
