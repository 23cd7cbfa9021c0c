import type * as z from 'zod';
import type { LongCall } from '../base/progress.ts';
import { loadModel } from '../model/load.ts';
import { type CacheManifest, writeCache } from './cache.ts';
import type { cacheOptions } from './cache-options.ts';
import { streamActivations } from './stream.ts';

export type CacheActivationsOptions = Omit<z.input<typeof cacheOptions>, 'tokens'> & {
  /** Vectors; where the corpus has fewer, all of them. */
  readonly tokens: number;
};

/**
 * Runs a model over a corpus once and writes its activations at a site to disk, for many trainings to read. Killed or
 * aborted, it is resumed by the same call.
 *
 * @throws PolysemeError where `out` holds other activations
 * @example
 * const site = 'blocks.2.hook_resid_post';
 * const { count } = await cacheActivations({ model: 'builtin:folio-5m', data: 'builtin:sotu', site, tokens: 5000, out: 'cache' });
 * console.log(count); // 5000
 */
export async function cacheActivations(
  {
    model: named = 'builtin:folio-5m',
    data = 'builtin:sotu',
    out,
    tokens,
    dtype,
    threads,
    ...options
  }: CacheActivationsOptions,
  { onProgress, signal }: LongCall = {},
): Promise<CacheManifest> {
  const model = await loadModel(named, { threads });
  try {
    const source = await streamActivations({ ...options, model, corpus: data, signal });
    try {
      return await writeCache({
        source,
        out,
        tokens,
        dtype,
        seed: options.seed,
        onProgress,
        signal,
      });
    } finally {
      await source.close();
    }
  } finally {
    await model.close();
  }
}
