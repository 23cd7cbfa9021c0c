import type { Architecture } from './architecture.ts';
import { bertSizes, LM_HEAD } from './bert.ts';
import { postNorm } from './post-norm.ts';
import type { RawConfig } from './raw-config.ts';

/** The id of padding, which positions do not count, whatever config.json says. */
const PADDING = 1;
/** Buckets of distances, whatever config.json says, and the distance from which on all are in the last one. */
const BUCKETS = 32;
const FARTHEST = 128;

/** MPNet: BERT without segments, with a bias by distance. Hugging Face's MPNetModel, MPNetForMaskedLM. */
export function mpnet(raw: RawConfig): Architecture {
  const rows = raw.size('max_position_embeddings', 512);
  const buckets = raw.size('relative_attention_num_buckets', BUCKETS);
  if (buckets < BUCKETS) {
    throw raw.error(`relative_attention_num_buckets ${buckets}: ${BUCKETS} are used, whatever it says`);
  }
  const contextLength = rows - PADDING - 1;
  return postNorm({
    ...bertSizes(raw),
    architecture: 'mpnet',
    contextLength,
    prefixes: ['mpnet.'],
    embedding: {
      tokens: 'embeddings.word_embeddings.weight',
      positions: { name: 'embeddings.position_embeddings.weight', rows, uncounted: PADDING },
      normName: 'embeddings.LayerNorm',
    },
    relative: {
      name: 'encoder.relative_attention_bias.weight',
      buckets,
      bucket: relativeBucket,
      longest: contextLength,
    },
    names(l) {
      const at = `encoder.layer.${l}`;
      return {
        q: `${at}.attention.attn.q`,
        k: `${at}.attention.attn.k`,
        v: `${at}.attention.attn.v`,
        out: `${at}.attention.attn.o`,
        attentionNorm: `${at}.attention.LayerNorm`,
        up: `${at}.intermediate.dense`,
        down: `${at}.output.dense`,
        mlpNorm: `${at}.output.LayerNorm`,
      };
    },
    head: LM_HEAD,
  });
}

/**
 * The bucket of key − query: half of them for keys after it, in each half eight for near ones and then ever wider ones
 * (T5's). Rounded as in float32, in which transformers counts.
 */
export function relativeBucket(distance: number): number {
  const half = BUCKETS / 2;
  const near = half / 2;
  const first = distance > 0 ? half : 0;
  const size = Math.abs(distance);
  if (size < near) return first + size;
  const log = Math.fround(Math.log(size / near));
  const wide = Math.fround(Math.fround(log / Math.fround(Math.log(FARTHEST / near))) * (half - near));
  return first + Math.min(half - 1, near + Math.trunc(wide));
}
