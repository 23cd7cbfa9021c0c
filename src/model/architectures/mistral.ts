import type { Architecture } from './architecture.ts';
import { llamaLike, readDecoder } from './llama-like.ts';
import type { RawConfig } from './raw-config.ts';
import { readRotary } from './rotary.ts';

/** Mistral: Llama without biases, every layer attends within `sliding_window`. Hugging Face's MistralForCausalLM. */
export function mistral(given: RawConfig): Architecture {
  const raw = given.withDefaults({
    num_key_value_heads: 8,
    sliding_window: 4096,
    tie_word_embeddings: false,
  });
  const facts = readDecoder(raw);
  const { rotary, contextLength } = readRotary(
    raw,
    facts.headDim,
    raw.size('max_position_embeddings', 131_072),
  );
  const window = raw.optionalSize('sliding_window');
  const architecture = llamaLike(raw, facts, {
    architecture: 'mistral',
    contextLength,
    attention: () => ({ rotary, window }),
  });
  raw.refuse({ attention_bias: [false], mlp_bias: [false], layer_types: [] });
  return architecture;
}
