import type { Architecture } from './architecture.ts';
import { llamaLike, readDecoder, slidingWindows } from './llama-like.ts';
import { biasBy } from './plan.ts';
import type { RawConfig } from './raw-config.ts';
import { readRotary } from './rotary.ts';

/** SmolLM3: Llama with layers that have no positions. Hugging Face's SmolLM3ForCausalLM. */
export function smollm3(given: RawConfig): Architecture {
  const raw = given.withDefaults({
    num_key_value_heads: 4,
    no_rope_layer_interval: 4,
    tie_word_embeddings: true,
  });
  const facts = readDecoder(raw);
  const { layers, headDim } = facts;
  const longest = raw.size('max_position_embeddings', 32_768);
  const { rotary, contextLength } = readRotary(raw, headDim, longest, { theta: 2_000_000 });
  const turns = rotaryLayers(raw, layers);
  const asked = raw.optionalSize('sliding_window');
  const window = raw.flag('use_sliding_window', false) ? asked : null;
  const windows = slidingWindows(raw, layers, window, (l) => window !== null && !turns[l]);
  const attentionBias = biasBy(raw.flag('attention_bias', false));
  const architecture = llamaLike(raw, facts, {
    architecture: 'smollm3',
    contextLength,
    biases: { qkv: attentionBias, out: attentionBias, mlp: biasBy(raw.flag('mlp_bias', false)) },
    attention: (l) => ({ rotary: turns[l] ? rotary : null, window: windows[l] }),
  });
  raw.refuse();
  return architecture;
}

/** Whether a layer has rotary positions: 1 in `no_rope_layers`, else all but every n-th. */
function rotaryLayers(raw: RawConfig, layers: number): boolean[] {
  const interval = raw.size('no_rope_layer_interval');
  const given = raw.value('no_rope_layers');
  if (given === undefined) return Array.from({ length: layers }, (_, l) => (l + 1) % interval !== 0);
  if (!Array.isArray(given) || given.length < layers || !given.every((one) => one === 0 || one === 1)) {
    throw raw.error(`no_rope_layers must be ${layers} times 0 or 1, not ${JSON.stringify(given)}`);
  }
  return given.slice(0, layers).map((one) => one === 1);
}
