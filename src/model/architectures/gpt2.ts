import type { Architecture, ModelConfig } from './architecture.ts';
import { type BlockPlan, conv1d, type NormPlan } from './plan.ts';
import type { RawConfig } from './raw-config.ts';
import { transformer } from './transformer.ts';

/** GPT-2: LayerNorm before each part, learned positions, an ungated MLP. Hugging Face's GPT2LMHeadModel. */
export function gpt2(raw: RawConfig): Architecture {
  const width = raw.size(['n_embd', 'hidden_size']);
  const heads = raw.size(['n_head', 'num_attention_heads']);
  if (width % heads !== 0) throw raw.error(`n_embd ${width} is not a multiple of n_head ${heads}`);
  const headDim = width / heads;
  const epsilon = raw.positive('layer_norm_epsilon', 1e-5);
  const config: ModelConfig = {
    architecture: 'gpt2',
    layers: raw.size(['n_layer', 'num_hidden_layers']),
    width,
    heads,
    kvHeads: heads,
    headDim,
    mlpWidth: raw.size('n_inner', 4 * width),
    vocabulary: raw.size('vocab_size'),
    contextLength: raw.size(['n_positions', 'n_ctx']),
    norm: { kind: 'layernorm', epsilon },
    activation: raw.activation('activation_function', 'gelu_new'),
    gated: false,
    rotary: false,
    bidirectional: false,
  };
  const scale = raw.flag('scale_attn_weights', true) ? 1 / Math.sqrt(headDim) : 1;
  const byLayer = raw.flag('scale_attn_by_inverse_layer_idx', false);
  const tied = raw.flag('tie_word_embeddings', true);
  raw.refuse({ position_embedding_type: ['absolute'] });

  const norm = (name: string): NormPlan => ({ name, kind: 'layernorm', epsilon });
  return transformer({
    config,
    prefixes: ['transformer.'],
    ignored: /^h\.\d+\.attn\.(masked_)?bias$/,
    embedding: { tokens: 'wte.weight', positions: { name: 'wpe.weight', rows: config.contextLength } },
    block: (l): BlockPlan => ({
      order: 'pre',
      attentionNorm: norm(`h.${l}.ln_1`),
      attention: {
        heads,
        kvHeads: heads,
        headDim,
        qkv: { all: conv1d(`h.${l}.attn.c_attn`, 'found'), order: 'blocks' },
        out: conv1d(`h.${l}.attn.c_proj`, 'found'),
        scale: byLayer ? scale / (l + 1) : scale,
        causal: true,
      },
      mlp: {
        norm: norm(`h.${l}.ln_2`),
        neurons: { up: conv1d(`h.${l}.mlp.c_fc`, 'found') },
        out: conv1d(`h.${l}.mlp.c_proj`, 'found'),
        activation: config.activation,
        width: config.mlpWidth,
      },
    }),
    finalNorm: norm('ln_f'),
    head: { name: 'lm_head', tied },
  });
}
