import type { Architecture } from './architecture.ts';
import { type DecoderFacts, llamaLike, readDecoder, slidingWindows } from './llama-like.ts';
import { biasBy } from './plan.ts';
import type { RawConfig } from './raw-config.ts';
import { readRotary } from './rotary.ts';

const DEFAULTS = {
  num_key_value_heads: 32,
  use_sliding_window: false,
  sliding_window: 4096,
  max_window_layers: 28,
  tie_word_embeddings: false,
};

/** Qwen 2 and 2.5: biases on queries, keys and values. Hugging Face's Qwen2ForCausalLM. */
export function qwen2(given: RawConfig): Architecture {
  const raw = given.withDefaults(DEFAULTS);
  const facts = readDecoder(raw);
  const { rotary, windows, contextLength } = readPositions(raw, facts);
  const architecture = llamaLike(raw, facts, {
    architecture: 'qwen2',
    contextLength,
    biases: { qkv: true },
    attention: (l) => ({ rotary, window: windows[l] }),
  });
  raw.refuse({ attention_bias: [true], mlp_bias: [false] });
  return architecture;
}

/** Qwen 3: RMSNorms of each head's query and key. Hugging Face's Qwen3ForCausalLM. */
export function qwen3(given: RawConfig): Architecture {
  const raw = given.withDefaults({ ...DEFAULTS, head_dim: 128 });
  const facts = readDecoder(raw);
  const { rotary, windows, contextLength } = readPositions(raw, facts);
  const bias = biasBy(raw.flag('attention_bias', false));
  const architecture = llamaLike(raw, facts, {
    architecture: 'qwen3',
    contextLength,
    biases: { qkv: bias, out: bias },
    attention: (l, norm) => ({
      rotary,
      window: windows[l],
      norms: { q: norm('q_norm'), k: norm('k_norm'), over: 'head' },
    }),
  });
  raw.refuse({ mlp_bias: [false] });
  return architecture;
}

/** From `max_window_layers` on layers attend within a window, where `use_sliding_window` says so. */
function readPositions(raw: RawConfig, { headDim, layers }: DecoderFacts) {
  const asked = raw.optionalSize('sliding_window');
  const window = raw.flag('use_sliding_window', false) ? asked : null;
  const from = raw.count('max_window_layers');
  return {
    ...readRotary(raw, headDim, raw.size('max_position_embeddings', 32_768)),
    windows: slidingWindows(raw, layers, window, (l) => window !== null && l >= from),
  };
}
