import type { Architecture } from './architecture.ts';
import { llamaLike, readDecoder } from './llama-like.ts';
import { biasBy } from './plan.ts';
import type { RawConfig } from './raw-config.ts';
import { readRotary } from './rotary.ts';

/** Llama. Hugging Face's LlamaForCausalLM; `sliding_window` means nothing to it. */
export function llama(raw: RawConfig): Architecture {
  const facts = readDecoder(raw);
  const { headDim, layers } = facts;
  const { rotary, contextLength } = readRotary(raw, headDim, raw.size('max_position_embeddings', 2048));
  const attentionBias = biasBy(raw.flag('attention_bias', false));
  const choices = {
    architecture: 'llama',
    contextLength,
    biases: { qkv: attentionBias, out: attentionBias, mlp: biasBy(raw.flag('mlp_bias', false)) },
    attention: () => ({ rotary }),
  };
  raw.value('sliding_window');
  const architecture = llamaLike(raw, facts, choices);
  raw.refuse({
    position_embedding_type: ['rope'],
    rope_interleaved: [false],
    attention_multiplier: [1 / Math.sqrt(headDim)],
    query_pre_attn_scalar: [headDim],
    layer_types: [Array(layers).fill('full_attention')],
    no_rope_layers: [[], Array(layers).fill(1)],
    no_rope_layer_interval: [0],
  });
  return architecture;
}
