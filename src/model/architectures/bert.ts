import type { Architecture } from './architecture.ts';
import { type PostNormPlan, postNorm } from './post-norm.ts';
import type { RawConfig } from './raw-config.ts';

/** BERT: learned positions, segments of which the first is read. Hugging Face's BertModel, BertForMaskedLM. */
export function bert(raw: RawConfig): Architecture {
  const rows = raw.size('max_position_embeddings', 512);
  const sizes = bertSizes(raw);
  return postNorm({
    ...sizes,
    architecture: 'bert',
    contextLength: rows,
    prefixes: ['bert.'],
    embedding: bertEmbedding({ rows }, raw.size('type_vocab_size', 2)),
    names: bertNames,
    head: {
      dense: 'cls.predictions.transform.dense',
      norm: 'cls.predictions.transform.LayerNorm',
      decoder: 'cls.predictions.decoder',
      bias: ['cls.predictions.decoder.bias', 'cls.predictions.bias'],
      activation: sizes.activation,
    },
  });
}

/**
 * RoBERTa (XLM-RoBERTa, CamemBERT): positions count from the row after padding's. Hugging Face's RobertaModel,
 * RobertaForMaskedLM.
 */
export function roberta(raw: RawConfig): Architecture {
  const rows = raw.size('max_position_embeddings', 512);
  const padding = raw.value('pad_token_id') === 0 ? 0 : raw.size('pad_token_id', 1);
  return postNorm({
    ...bertSizes(raw),
    architecture: String(raw.value('model_type')),
    contextLength: rows - padding - 1,
    prefixes: ['roberta.'],
    embedding: bertEmbedding({ rows, uncounted: padding }, raw.size('type_vocab_size', 2)),
    names: bertNames,
    head: LM_HEAD,
  });
}

/** The head of RoBERTa and MPNet; its activation is not config.json's. */
export const LM_HEAD: PostNormPlan['head'] = {
  dense: 'lm_head.dense',
  norm: 'lm_head.layer_norm',
  decoder: 'lm_head.decoder',
  bias: ['lm_head.decoder.bias', 'lm_head.bias'],
  activation: 'gelu',
};

/** Sizes by the names that BERT's config.json has. */
export function bertSizes(raw: RawConfig) {
  raw.refuse({ position_embedding_type: ['absolute'], is_decoder: [false], embedding_size: [] });
  const width = raw.size('hidden_size');
  const heads = raw.size('num_attention_heads');
  if (width % heads !== 0) {
    throw raw.error(`hidden_size ${width} is not a multiple of num_attention_heads ${heads}`);
  }
  return {
    layers: raw.size('num_hidden_layers'),
    width,
    heads,
    mlpWidth: raw.size('intermediate_size'),
    vocabulary: raw.size('vocab_size'),
    epsilon: raw.positive('layer_norm_eps', 1e-12),
    activation: raw.activation('hidden_act', 'gelu'),
    tied: raw.flag('tie_word_embeddings', true),
  };
}

function bertEmbedding(
  positions: { readonly rows: number; readonly uncounted?: number },
  segments: number,
): PostNormPlan['embedding'] {
  return {
    tokens: 'embeddings.word_embeddings.weight',
    positions: { name: 'embeddings.position_embeddings.weight', ...positions },
    segments: { name: 'embeddings.token_type_embeddings.weight', rows: segments },
    normName: 'embeddings.LayerNorm',
  };
}

function bertNames(l: number): ReturnType<PostNormPlan['names']> {
  const at = `encoder.layer.${l}`;
  return {
    q: `${at}.attention.self.query`,
    k: `${at}.attention.self.key`,
    v: `${at}.attention.self.value`,
    out: `${at}.attention.output.dense`,
    attentionNorm: `${at}.attention.output.LayerNorm`,
    up: `${at}.intermediate.dense`,
    down: `${at}.output.dense`,
    mlpNorm: `${at}.output.LayerNorm`,
  };
}
