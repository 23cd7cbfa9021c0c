import type { Architecture, ModelConfig } from './architecture.ts';
import { type BlockPlan, linear, type NormPlan } from './plan.ts';
import type { RawConfig } from './raw-config.ts';
import { transformer } from './transformer.ts';

/** GPT-BigCode (SantaCoder, StarCoder): GPT-2 with Linear matrices and one key-value head. Hugging Face's GPTBigCodeForCausalLM. */
export function gptBigcode(raw: RawConfig): Architecture {
  const width = raw.size(['n_embd', 'hidden_size'], 768);
  const heads = raw.size(['n_head', 'num_attention_heads'], 12);
  const headDim = raw.headDim(width, heads);
  const multiQuery = raw.flag('multi_query', true);
  const epsilon = raw.positive('layer_norm_epsilon', 1e-5);
  const config: ModelConfig = {
    architecture: 'gpt_bigcode',
    layers: raw.size(['n_layer', 'num_hidden_layers'], 12),
    width,
    heads,
    kvHeads: multiQuery ? 1 : heads,
    headDim,
    mlpWidth: raw.size('n_inner', 4 * width),
    vocabulary: raw.size('vocab_size', 50_257),
    contextLength: raw.size(['n_positions', 'max_position_embeddings'], 1024),
    norm: { kind: 'layernorm', epsilon },
    activation: raw.activation('activation_function', 'gelu_pytorch_tanh'),
    gated: false,
    rotary: false,
    bidirectional: false,
  };
  const scale = raw.flag('scale_attn_weights', true) ? 1 / Math.sqrt(headDim) : 1;
  const tied = raw.flag('tie_word_embeddings', true);
  raw.refuse();

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
        kvHeads: config.kvHeads,
        headDim,
        qkv: { all: linear(`h.${l}.attn.c_attn`, true), order: multiQuery ? 'blocks' : 'groups' },
        out: linear(`h.${l}.attn.c_proj`, true),
        scale,
        causal: true,
      },
      mlp: {
        norm: norm(`h.${l}.ln_2`),
        neurons: { up: linear(`h.${l}.mlp.c_fc`, true) },
        out: linear(`h.${l}.mlp.c_proj`, true),
        activation: config.activation,
        width: config.mlpWidth,
      },
    }),
    finalNorm: norm('ln_f'),
    head: { name: 'lm_head', tied },
  });
}
