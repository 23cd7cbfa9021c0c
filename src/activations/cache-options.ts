import * as z from 'zod';
import { textOptions, whole } from '../model/text-options.ts';
import { CACHE_DTYPES } from './cache-manifest.ts';

/** The options of caching activations on disk, with their defaults. The text of each is in its `.meta()`. */
export const cacheOptions = z.strictObject({
  model: textOptions.model,
  ropeLayout: textOptions.ropeLayout,
  data: textOptions.data,
  site: z.string().min(1).meta({
    description: 'the site of the model, e.g. blocks.2.hook_resid_post',
    value: 'SITE',
  }),
  tokens: whole(1).default(1_000_000).meta({ description: 'tokens to write, or all if the data has fewer' }),
  out: z.string().min(1).meta({ description: 'the folder to write', value: 'DIR' }),
  dtype: z.enum(CACHE_DTYPES).default('f16').meta({
    description: 'how numbers are stored; f16 takes half the space of f32 and is rounded',
    value: 'T',
  }),
  column: textOptions.column,
  context: textOptions.context,
  contexts: textOptions.contexts,
  bos: textOptions.bos,
  seed: textOptions.seed,
  device: textOptions.device,
  threads: textOptions.threads,
  weightsAtOnce: textOptions.weightsAtOnce,
});
