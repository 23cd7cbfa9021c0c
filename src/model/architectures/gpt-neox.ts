import type { Architecture, ModelConfig } from './architecture.ts';
import { type BlockPlan, biasBy, linear, type NormPlan } from './plan.ts';
import type { RawConfig } from './raw-config.ts';
import { readRotary } from './rotary.ts';
import { transformer } from './transformer.ts';

/**
 * GPT-NeoX and Pythia: attention and MLP side by side, a quarter of each head turns, queries, keys and values in one
 * matrix, head by head. Hugging Face's GPTNeoXForCausalLM.
 */
export function gptNeox(raw: RawConfig): Architecture {
  const width = raw.size('hidden_size');
  const heads = raw.size('num_attention_heads');
  const headDim = raw.headDim(width, heads);
  const { rotary, contextLength } = readRotary(raw, headDim, raw.size('max_position_embeddings', 2048), {
    partial: 0.25,
  });
  const epsilon = raw.positive('layer_norm_eps', 1e-5);
  const config: ModelConfig = {
    architecture: 'gpt_neox',
    layers: raw.size('num_hidden_layers'),
    width,
    heads,
    kvHeads: heads,
    headDim,
    mlpWidth: raw.size('intermediate_size'),
    vocabulary: raw.size('vocab_size'),
    contextLength,
    norm: { kind: 'layernorm', epsilon },
    activation: raw.activation('hidden_act', 'gelu'),
    gated: false,
    rotary: true,
    bidirectional: false,
  };
  const parallel = raw.flag('use_parallel_residual', true);
  const attentionBias = biasBy(raw.flag('attention_bias', true));
  const tied = raw.flag('tie_word_embeddings', false);
  raw.refuse();

  const norm = (name: string): NormPlan => ({ name, kind: 'layernorm', epsilon });
  return transformer({
    config,
    prefixes: ['gpt_neox.'],
    renamed: { 'lm_head.weight': 'embed_out.weight' },
    ignored: /^layers\.\d+\.attention\.((masked_)?bias|rotary_emb\.inv_freq)$/,
    embedding: { tokens: 'embed_in.weight' },
    block: (l): BlockPlan => ({
      order: parallel ? 'parallel' : 'pre',
      attentionNorm: norm(`layers.${l}.input_layernorm`),
      attention: {
        heads,
        kvHeads: heads,
        headDim,
        qkv: { all: linear(`layers.${l}.attention.query_key_value`, attentionBias), order: 'groups' },
        out: linear(`layers.${l}.attention.dense`, attentionBias),
        scale: 1 / Math.sqrt(headDim),
        causal: true,
        rotary,
      },
      mlp: {
        norm: norm(`layers.${l}.post_attention_layernorm`),
        neurons: { up: linear(`layers.${l}.mlp.dense_h_to_4h`, true) },
        out: linear(`layers.${l}.mlp.dense_4h_to_h`, true),
        activation: config.activation,
        width: config.mlpWidth,
      },
    }),
    finalNorm: norm('final_layer_norm'),
    head: { name: 'embed_out', tied },
  });
}
