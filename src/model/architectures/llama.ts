import type { Architecture, ModelConfig } from './architecture.ts';
import { type BlockPlan, biasBy, linear, type NormPlan } from './plan.ts';
import type { RawConfig } from './raw-config.ts';
import { readRotary } from './rotary.ts';
import { transformer } from './transformer.ts';

/** Llama: RMSNorm, rotary positions, grouped-query attention, a gated MLP. Hugging Face's LlamaForCausalLM. */
export function llama(raw: RawConfig): Architecture {
  const width = raw.size('hidden_size');
  const heads = raw.size('num_attention_heads');
  const layers = raw.size('num_hidden_layers');
  const kvHeads = raw.size('num_key_value_heads', heads);
  if (heads % kvHeads !== 0) {
    throw raw.error(`num_attention_heads ${heads} is not a multiple of num_key_value_heads ${kvHeads}`);
  }
  const headDim = raw.size('head_dim', width / heads);
  const { rotary, contextLength } = readRotary(raw, headDim, raw.size('max_position_embeddings', 2048));
  const epsilon = raw.positive('rms_norm_eps', 1e-6);
  const config: ModelConfig = {
    architecture: 'llama',
    layers,
    width,
    heads,
    kvHeads,
    headDim,
    mlpWidth: raw.size('intermediate_size'),
    vocabulary: raw.size('vocab_size'),
    contextLength,
    norm: { kind: 'rmsnorm', epsilon },
    activation: raw.activation('hidden_act', 'silu'),
    gated: true,
    rotary: true,
    bidirectional: false,
  };
  const tied = raw.flag('tie_word_embeddings', false);
  const attentionBias = biasBy(raw.flag('attention_bias', false));
  const mlpBias = biasBy(raw.flag('mlp_bias', false));
  const scale = 1 / Math.sqrt(headDim);
  raw.refuse({
    position_embedding_type: ['rope'],
    rope_interleaved: [false],
    attention_multiplier: [scale],
    query_pre_attn_scalar: [headDim],
    layer_types: [Array(layers).fill('full_attention')],
    rope_local_base_freq: [],
    no_rope_layers: [[], Array(layers).fill(1)],
    no_rope_layer_interval: [0],
    attn_temperature_tuning: [false],
    cross_attention_layers: [[]],
  });

  const norm = (name: string): NormPlan => ({ name, kind: 'rmsnorm', epsilon });
  return transformer({
    config,
    prefixes: ['model.'],
    ignored: /rotary_emb\.inv_freq$/,
    embedding: { tokens: 'embed_tokens.weight' },
    block: (l): BlockPlan => ({
      order: 'pre',
      attentionNorm: norm(`layers.${l}.input_layernorm`),
      attention: {
        heads,
        kvHeads,
        headDim,
        qkv: {
          q: linear(`layers.${l}.self_attn.q_proj`, attentionBias),
          k: linear(`layers.${l}.self_attn.k_proj`, attentionBias),
          v: linear(`layers.${l}.self_attn.v_proj`, attentionBias),
        },
        out: linear(`layers.${l}.self_attn.o_proj`, attentionBias),
        scale,
        causal: true,
        rotary,
      },
      mlp: {
        norm: norm(`layers.${l}.post_attention_layernorm`),
        neurons: {
          gate: linear(`layers.${l}.mlp.gate_proj`, mlpBias),
          up: linear(`layers.${l}.mlp.up_proj`, mlpBias),
        },
        out: linear(`layers.${l}.mlp.down_proj`, mlpBias),
        activation: config.activation,
        width: config.mlpWidth,
      },
    }),
    finalNorm: norm('norm'),
    head: { name: 'lm_head', tied },
  });
}
