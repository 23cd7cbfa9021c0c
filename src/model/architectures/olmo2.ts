import type { Architecture } from './architecture.ts';
import { llamaLike, readDecoder } from './llama-like.ts';
import { biasBy } from './plan.ts';
import type { RawConfig } from './raw-config.ts';
import { readRotary } from './rotary.ts';

/**
 * OLMo 2: each part reads the stream as it is, and what it gives is normed before it is added; norms of all heads'
 * queries and keys together. Hugging Face's Olmo2ForCausalLM.
 */
export function olmo2(given: RawConfig): Architecture {
  const raw = given.withDefaults({ rms_norm_eps: 1e-5, tie_word_embeddings: false });
  const facts = readDecoder(raw);
  const { rotary, contextLength } = readRotary(raw, facts.headDim, raw.size('max_position_embeddings', 2048));
  const bias = biasBy(raw.flag('attention_bias', false));
  const architecture = llamaLike(raw, facts, {
    architecture: 'olmo2',
    contextLength,
    biases: { qkv: bias, out: bias },
    norms: 'after',
    attention: (_, norm) => ({
      rotary,
      norms: { q: norm('q_norm'), k: norm('k_norm'), over: 'all' },
    }),
  });
  raw.refuse({ layer_types: [Array(facts.layers).fill('full_attention')], mlp_bias: [false] });
  return architecture;
}
