import type { Architecture, ModelConfig } from './architecture.ts';
import { type BlockPlan, linear, type NormPlan } from './plan.ts';
import type { RawConfig } from './raw-config.ts';
import { readRotary } from './rotary.ts';
import { transformer } from './transformer.ts';

/**
 * GPT-J: attention and MLP side by side behind one norm, neighbouring dimensions turn together, logits with a bias.
 * Hugging Face's GPTJForCausalLM.
 */
export function gptj(raw: RawConfig): Architecture {
  const width = raw.size(['n_embd', 'hidden_size'], 4096);
  const heads = raw.size(['n_head', 'num_attention_heads'], 16);
  const headDim = raw.headDim(width, heads);
  const contextLength = raw.size(['n_positions', 'max_position_embeddings'], 2048);
  const rotaryDim = raw.size('rotary_dim', 64);
  const { rotary } = readRotary(raw, headDim, contextLength, {
    partial: rotaryDim / headDim,
    interleaved: true,
  });
  const epsilon = raw.positive('layer_norm_epsilon', 1e-5);
  const config: ModelConfig = {
    architecture: 'gptj',
    layers: raw.size(['n_layer', 'num_hidden_layers'], 28),
    width,
    heads,
    kvHeads: heads,
    headDim,
    mlpWidth: raw.size('n_inner', 4 * width),
    vocabulary: raw.size('vocab_size', 50_400),
    contextLength,
    norm: { kind: 'layernorm', epsilon },
    activation: raw.activation('activation_function', 'gelu_new'),
    gated: false,
    rotary: true,
    bidirectional: false,
  };
  const tied = raw.flag('tie_word_embeddings', false);
  raw.refuse();

  const norm = (name: string): NormPlan => ({ name, kind: 'layernorm', epsilon });
  return transformer({
    config,
    prefixes: ['transformer.'],
    ignored: /^h\.\d+\.attn\.(masked_)?bias$/,
    embedding: { tokens: 'wte.weight' },
    block: (l): BlockPlan => ({
      order: 'parallel',
      attentionNorm: norm(`h.${l}.ln_1`),
      attention: {
        heads,
        kvHeads: heads,
        headDim,
        qkv: {
          q: linear(`h.${l}.attn.q_proj`),
          k: linear(`h.${l}.attn.k_proj`),
          v: linear(`h.${l}.attn.v_proj`),
        },
        out: linear(`h.${l}.attn.out_proj`),
        scale: 1 / Math.sqrt(headDim),
        causal: true,
        rotary,
      },
      mlp: {
        norm: norm(`h.${l}.ln_1`),
        neurons: { up: linear(`h.${l}.mlp.fc_in`, true) },
        out: linear(`h.${l}.mlp.fc_out`, true),
        activation: config.activation,
        width: config.mlpWidth,
      },
    }),
    finalNorm: norm('ln_f'),
    head: { name: 'lm_head', tied, bias: true },
  });
}
