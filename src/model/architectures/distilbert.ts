import type { Architecture } from './architecture.ts';
import { postNorm } from './post-norm.ts';
import type { RawConfig } from './raw-config.ts';

/** DistilBERT: BERT without segments, under other names. Hugging Face's DistilBertModel, DistilBertForMaskedLM. */
export function distilbert(raw: RawConfig): Architecture {
  const width = raw.size(['dim', 'hidden_size']);
  const heads = raw.size(['n_heads', 'num_attention_heads']);
  const rows = raw.size('max_position_embeddings', 512);
  const activation = raw.activation('activation', 'gelu');
  if (width % heads !== 0) throw raw.error(`dim ${width} is not a multiple of n_heads ${heads}`);
  raw.refuse({ position_embedding_type: ['absolute'] });
  return postNorm({
    architecture: 'distilbert',
    layers: raw.size(['n_layers', 'num_hidden_layers']),
    width,
    heads,
    mlpWidth: raw.size(['hidden_dim', 'intermediate_size']),
    vocabulary: raw.size('vocab_size'),
    contextLength: rows,
    epsilon: 1e-12,
    activation,
    tied: raw.flag('tie_word_embeddings', true),
    prefixes: ['distilbert.'],
    embedding: {
      tokens: 'embeddings.word_embeddings.weight',
      positions: { name: 'embeddings.position_embeddings.weight', rows },
      normName: 'embeddings.LayerNorm',
    },
    names(l) {
      const at = `transformer.layer.${l}`;
      return {
        q: `${at}.attention.q_lin`,
        k: `${at}.attention.k_lin`,
        v: `${at}.attention.v_lin`,
        out: `${at}.attention.out_lin`,
        attentionNorm: `${at}.sa_layer_norm`,
        up: `${at}.ffn.lin1`,
        down: `${at}.ffn.lin2`,
        mlpNorm: `${at}.output_layer_norm`,
      };
    },
    head: {
      dense: 'vocab_transform',
      norm: 'vocab_layer_norm',
      decoder: 'vocab_projector',
      bias: ['vocab_projector.bias'],
      activation,
    },
  });
}
