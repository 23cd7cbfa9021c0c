import type { Architecture, ModelConfig } from './architecture.ts';
import { type BlockPlan, biasBy, linear, type NormPlan } from './plan.ts';
import type { RawConfig } from './raw-config.ts';
import { readRotary } from './rotary.ts';
import { transformer } from './transformer.ts';

/**
 * StableLM: Llama with LayerNorms, of which a quarter of each head turns; StableLM 2 12B has attention and MLP side by
 * side behind one norm, and a norm for each head. Hugging Face's StableLmForCausalLM.
 */
export function stablelm(raw: RawConfig): Architecture {
  const width = raw.size('hidden_size');
  const heads = raw.size('num_attention_heads');
  const kvHeads = raw.kvHeads(heads);
  const headDim = raw.headDim(width, heads);
  const { rotary, contextLength } = readRotary(raw, headDim, raw.size('max_position_embeddings', 4096), {
    partial: 0.25,
  });
  const epsilon = raw.positive('layer_norm_eps', 1e-5);
  const config: ModelConfig = {
    architecture: 'stablelm',
    layers: raw.size('num_hidden_layers'),
    width,
    heads,
    kvHeads,
    headDim,
    mlpWidth: raw.size('intermediate_size'),
    vocabulary: raw.size('vocab_size'),
    contextLength,
    norm: { kind: 'layernorm', epsilon },
    activation: raw.activation('hidden_act', 'silu'),
    gated: true,
    rotary: true,
    bidirectional: false,
  };
  const parallel = raw.flag('use_parallel_residual', false);
  const qkNorm = raw.flag('qk_layernorm', false);
  const qkvBias = biasBy(raw.flag('use_qkv_bias', false));
  const tied = raw.flag('tie_word_embeddings', false);
  raw.refuse();

  const norm = (name: string, bias = true): NormPlan => ({ name, kind: 'layernorm', epsilon, bias });
  return transformer({
    config,
    prefixes: ['model.'],
    ignored: /rotary_emb\.inv_freq$/,
    embedding: { tokens: 'embed_tokens.weight' },
    block: (l): BlockPlan => ({
      order: parallel ? 'parallel' : 'pre',
      attentionNorm: norm(`layers.${l}.input_layernorm`),
      attention: {
        heads,
        kvHeads,
        headDim,
        qkv: {
          q: linear(`layers.${l}.self_attn.q_proj`, qkvBias),
          k: linear(`layers.${l}.self_attn.k_proj`, qkvBias),
          v: linear(`layers.${l}.self_attn.v_proj`, qkvBias),
        },
        norms: qkNorm
          ? {
              q: norm(`layers.${l}.self_attn.q_layernorm.norms`, false),
              k: norm(`layers.${l}.self_attn.k_layernorm.norms`, false),
              over: 'each head',
            }
          : undefined,
        out: linear(`layers.${l}.self_attn.o_proj`),
        scale: 1 / Math.sqrt(headDim),
        causal: true,
        rotary,
      },
      mlp: {
        norm: norm(`layers.${l}.${parallel ? 'input_layernorm' : 'post_attention_layernorm'}`),
        neurons: {
          gate: linear(`layers.${l}.mlp.gate_proj`),
          up: linear(`layers.${l}.mlp.up_proj`),
        },
        out: linear(`layers.${l}.mlp.down_proj`),
        activation: config.activation,
        width: config.mlpWidth,
      },
    }),
    finalNorm: norm('norm'),
    head: { name: 'lm_head', tied },
  });
}
