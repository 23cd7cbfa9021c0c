import type { Architecture } from './architecture.ts';
import { llamaLike, readDecoder } from './llama-like.ts';
import { linear } from './plan.ts';
import type { RawConfig } from './raw-config.ts';
import { type RopeParameters, readRotary, ropeParameters } from './rotary.ts';

/**
 * Phi-3, 3.5 and 4: one matrix for queries, keys and values, one for gate and up; positions turn a share of a head's
 * dimensions. Hugging Face's Phi3ForCausalLM. With `longrope` contexts are those of the first training.
 */
export function phi3(given: RawConfig): Architecture {
  const raw = given.withDefaults({
    rms_norm_eps: 1e-5,
    original_max_position_embeddings: 4096,
    tie_word_embeddings: false,
  });
  const facts = readDecoder(raw);
  const { headDim } = facts;
  const longest = raw.size('max_position_embeddings', 4096);
  const { rotary, contextLength } = readRotary(raw, headDim, longest, {
    partial: 1,
    parameters: phi3Parameters(raw),
  });
  raw.size('original_max_position_embeddings');
  const window = raw.optionalSize('sliding_window');
  const architecture = llamaLike(raw, facts, {
    architecture: 'phi3',
    contextLength,
    attention: (l) => ({
      qkv: { all: linear(`layers.${l}.self_attn.qkv_proj`), order: 'blocks' },
      rotary,
      window,
    }),
    mlp: (l) => ({ neurons: { gateUp: linear(`layers.${l}.mlp.gate_up_proj`) } }),
  });
  raw.refuse({ attention_bias: [false], mlp_bias: [false], layer_types: [] });
  return architecture;
}

/** `su` and `yarn` were names of `longrope`; transformers knows no other scaling of this family. */
function phi3Parameters(raw: RawConfig): RopeParameters {
  const { key, values } = ropeParameters(raw);
  const type = values['rope_type'] ?? values['type'] ?? 'default';
  if (type === 'default') return { key, values };
  if (type === 'longrope' || type === 'su' || type === 'yarn') {
    return { key, values: { ...values, rope_type: 'longrope' } };
  }
  throw raw.error(`${key} type ${JSON.stringify(type)} is not supported (only default, longrope)`);
}
