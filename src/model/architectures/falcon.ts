import type { Architecture, ModelConfig } from './architecture.ts';
import { type BlockPlan, biasBy, linear, type NormPlan } from './plan.ts';
import type { RawConfig } from './raw-config.ts';
import { readRotary } from './rotary.ts';
import { transformer } from './transformer.ts';

/**
 * Falcon: 7B has attention and MLP side by side behind one norm and one key-value head; 40B and 180B (the new decoder)
 * have groups of heads and two norms, 11B groups and one. Hugging Face's FalconForCausalLM.
 */
export function falcon(raw: RawConfig): Architecture {
  const width = raw.size(['n_embed', 'hidden_size'], 4544);
  const heads = raw.size(['num_attention_heads', 'n_head'], 71);
  const headDim = raw.headDim(width, heads);
  const { rotary, contextLength } = readRotary(raw, headDim, raw.size('max_position_embeddings', 2048));
  const grouped = raw.flag('new_decoder_architecture', false);
  const multiQuery = raw.flag('multi_query', true);
  const parallel = raw.flag('parallel_attn', true) || grouped;
  const epsilon = raw.positive('layer_norm_epsilon', 1e-5);
  const config: ModelConfig = {
    architecture: 'falcon',
    layers: raw.size(['num_hidden_layers', 'n_layer'], 32),
    width,
    heads,
    kvHeads: grouped ? raw.kvHeads(heads, 'num_kv_heads') : multiQuery ? 1 : heads,
    headDim,
    mlpWidth: raw.size('ffn_hidden_size', 4 * width),
    vocabulary: raw.size('vocab_size', 65_024),
    contextLength,
    norm: { kind: 'layernorm', epsilon },
    activation: raw.activation('activation', 'gelu'),
    gated: false,
    rotary: true,
    bidirectional: false,
  };
  const bias = biasBy(raw.flag('bias', false));
  const norms = raw.size('num_ln_in_parallel_attn', grouped ? 2 : 1);
  const tied = raw.flag('tie_word_embeddings', true);
  raw.refuse({ num_ln_in_parallel_attn: grouped ? [1, 2] : [1] });
  const two = parallel && norms === 2;

  const norm = (name: string): NormPlan => ({ name, kind: 'layernorm', epsilon });
  return transformer({
    config,
    prefixes: ['transformer.'],
    ignored: /rotary_emb\.inv_freq$/,
    embedding: { tokens: 'word_embeddings.weight' },
    block: (l): BlockPlan => ({
      order: parallel ? 'parallel' : 'pre',
      attentionNorm: norm(`h.${l}.${two ? 'ln_attn' : 'input_layernorm'}`),
      attention: {
        heads,
        kvHeads: config.kvHeads,
        headDim,
        qkv: { all: linear(`h.${l}.self_attention.query_key_value`, bias), order: 'groups' },
        out: linear(`h.${l}.self_attention.dense`, bias),
        scale: 1 / Math.sqrt(headDim),
        causal: true,
        rotary,
      },
      mlp: {
        norm: norm(`h.${l}.${two ? 'ln_mlp' : parallel ? 'input_layernorm' : 'post_attention_layernorm'}`),
        neurons: { up: linear(`h.${l}.mlp.dense_h_to_4h`, bias) },
        out: linear(`h.${l}.mlp.dense_4h_to_h`, bias),
        activation: config.activation,
        width: config.mlpWidth,
      },
    }),
    finalNorm: norm('ln_f'),
    head: { name: 'lm_head', tied },
  });
}
