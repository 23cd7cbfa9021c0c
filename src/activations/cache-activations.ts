import type * as z from 'zod';
import type { LongCall, Progress } from '../base/progress.ts';
import type { Corpus } from '../corpus/corpus.ts';
import { firstText } from '../corpus/open-corpus.ts';
import type { Model } from '../model/load-model.ts';
import { toModel } from '../model/to-model.ts';
import { writeCache } from './cache.ts';
import type { CacheManifest } from './cache-manifest.ts';
import type { cacheOptions } from './cache-options.ts';
import { streamActivations } from './stream.ts';

export interface CacheActivationsOptions
  extends Omit<z.input<typeof cacheOptions>, 'tokens' | 'model' | 'data'>,
    LongCall {
  /** A model that is loaded (and stays open), or the name of one. */
  readonly model?: Model | string;
  /** A corpus that is opened, or the name of one. */
  readonly data?: Corpus | string;
  /** Vectors; where the corpus has fewer, all of them. */
  readonly tokens: number;
}

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
export async function cacheActivations({
  data = 'builtin:sotu',
  out,
  tokens,
  dtype,
  onProgress,
  ...options
}: CacheActivationsOptions): Promise<CacheManifest> {
  const { signal } = options;
  let told: Progress = { stage: 'cache', done: 0, total: tokens, unit: 'vectors' };
  const tell = (progress: Partial<Progress>): void => {
    told = { ...told, ...progress };
    onProgress?.(told);
  };
  const { model, release } = await toModel(options.model ?? 'builtin:folio-5m', {
    ...options,
    sample: () => firstText(data, options),
  });
  try {
    const source = await streamActivations({ ...options, model, data, onGroup: ({ at }) => tell({ at }) });
    try {
      return await writeCache({
        source,
        out,
        tokens,
        dtype,
        seed: options.seed,
        onProgress: tell,
        signal,
      });
    } finally {
      await source.close();
    }
  } finally {
    await release();
  }
}
