import type { Architecture, ModelConfig } from './architecture.ts';
import { type BlockPlan, linear, type NormPlan } from './plan.ts';
import type { RawConfig } from './raw-config.ts';
import { readRotary } from './rotary.ts';
import { transformer } from './transformer.ts';

/**
 * Phi-1, 1.5 and 2: attention and MLP side by side behind one norm, half of each head turns, logits with a bias. Hugging
 * Face's PhiForCausalLM.
 */
export function phi(raw: RawConfig): Architecture {
  const width = raw.size('hidden_size');
  const heads = raw.size('num_attention_heads');
  const kvHeads = raw.kvHeads(heads);
  const headDim = raw.headDim(width, heads);
  const { rotary, contextLength } = readRotary(raw, headDim, raw.size('max_position_embeddings', 2048), {
    partial: 0.5,
  });
  const epsilon = raw.positive('layer_norm_eps', 1e-5);
  const config: ModelConfig = {
    architecture: 'phi',
    layers: raw.size('num_hidden_layers'),
    width,
    heads,
    kvHeads,
    headDim,
    mlpWidth: raw.size('intermediate_size'),
    vocabulary: raw.size('vocab_size'),
    contextLength,
    norm: { kind: 'layernorm', epsilon },
    activation: raw.activation('hidden_act', 'gelu_new'),
    gated: false,
    rotary: true,
    bidirectional: false,
  };
  const qkNorm = raw.flag('qk_layernorm', false);
  const tied = raw.flag('tie_word_embeddings', false);
  raw.refuse();

  const norm = (name: string): NormPlan => ({ name, kind: 'layernorm', epsilon });
  return transformer({
    config,
    prefixes: ['model.'],
    ignored: /rotary_emb\.inv_freq$/,
    embedding: { tokens: 'embed_tokens.weight' },
    block: (l): BlockPlan => ({
      order: 'parallel',
      attentionNorm: norm(`layers.${l}.input_layernorm`),
      attention: {
        heads,
        kvHeads,
        headDim,
        qkv: {
          q: linear(`layers.${l}.self_attn.q_proj`, true),
          k: linear(`layers.${l}.self_attn.k_proj`, true),
          v: linear(`layers.${l}.self_attn.v_proj`, true),
        },
        norms: qkNorm
          ? {
              q: norm(`layers.${l}.self_attn.q_layernorm`),
              k: norm(`layers.${l}.self_attn.k_layernorm`),
              over: 'head',
            }
          : undefined,
        out: linear(`layers.${l}.self_attn.dense`, true),
        scale: 1 / Math.sqrt(headDim),
        causal: true,
        rotary,
      },
      mlp: {
        norm: norm(`layers.${l}.input_layernorm`),
        neurons: { up: linear(`layers.${l}.mlp.fc1`, true) },
        out: linear(`layers.${l}.mlp.fc2`, true),
        activation: config.activation,
        width: config.mlpWidth,
      },
    }),
    finalNorm: norm('final_layernorm'),
    head: { name: 'lm_head', tied, bias: true },
  });
}
