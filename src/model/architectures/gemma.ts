import type { Architecture } from './architecture.ts';
import { type DecoderFacts, llamaLike, readDecoder, slidingWindows } from './llama-like.ts';
import { biasBy } from './plan.ts';
import type { RawConfig } from './raw-config.ts';
import { type RopeParameters, readRotary, ropeParameters } from './rotary.ts';

const DEFAULTS = {
  head_dim: 256,
  hidden_activation: 'gelu_pytorch_tanh',
  attention_bias: false,
  tie_word_embeddings: true,
};

/** What all Gemmas have: 1 + w norms, rows of the embedding times √d. */
function common(raw: RawConfig, { width }: DecoderFacts) {
  const bias = biasBy(raw.flag('attention_bias', false));
  return {
    plusOne: true,
    embedding: { scale: Math.sqrt(width) },
    biases: { qkv: bias, out: bias },
  };
}

/** Gemma. Hugging Face's GemmaForCausalLM, for which `gelu` in config.json means the tanh form. */
export function gemma(given: RawConfig): Architecture {
  const raw = given.withDefaults({
    ...DEFAULTS,
    num_key_value_heads: 16,
    hidden_act: 'gelu_pytorch_tanh',
  });
  const facts = readDecoder(raw);
  const { rotary, contextLength } = readRotary(raw, facts.headDim, raw.size('max_position_embeddings', 8192));
  const tanh = raw.value('hidden_act') === 'gelu' ? raw.over({ hidden_act: 'gelu_pytorch_tanh' }) : raw;
  const architecture = llamaLike(tanh, facts, {
    ...common(raw, facts),
    architecture: 'gemma',
    contextLength,
    attention: () => ({ rotary }),
  });
  tanh.refuse();
  return architecture;
}

/** Gemma 2: norms before and after each part, soft caps, every other layer within a window. Gemma2ForCausalLM. */
export function gemma2(given: RawConfig): Architecture {
  const raw = given.withDefaults({
    ...DEFAULTS,
    num_key_value_heads: 4,
    sliding_window: 4096,
    query_pre_attn_scalar: 256,
    attn_logit_softcapping: 50,
    final_logit_softcapping: 30,
  });
  const facts = readDecoder(raw);
  const { rotary, contextLength } = readRotary(raw, facts.headDim, raw.size('max_position_embeddings', 8192));
  const windows = slidingWindows(raw, facts.layers, raw.optionalSize('sliding_window'), (l) => l % 2 === 0);
  const scale = 1 / Math.sqrt(raw.positive('query_pre_attn_scalar'));
  const softCap = raw.optionalPositive('attn_logit_softcapping');
  const architecture = llamaLike(raw, facts, {
    ...common(raw, facts),
    architecture: 'gemma2',
    contextLength,
    activation: 'hidden_activation',
    norms: 'both',
    head: { softCap: raw.optionalPositive('final_logit_softcapping') },
    attention: (l) => ({ rotary, scale, softCap, window: windows[l] }),
  });
  raw.refuse();
  return architecture;
}

/** The text part of Gemma 3: QK-norms, five layers of six within a window and with a θ of their own. */
export function gemma3Text(given: RawConfig): Architecture {
  const raw = given.withDefaults({
    ...DEFAULTS,
    vocab_size: 262_208,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    sliding_window: 4096,
    sliding_window_pattern: 6,
    query_pre_attn_scalar: 256,
  });
  const facts = readDecoder(raw);
  const every = raw.size('sliding_window_pattern');
  const windows = slidingWindows(
    raw,
    facts.layers,
    raw.optionalSize('sliding_window'),
    (l) => (l + 1) % every !== 0,
  );
  const longest = raw.size('max_position_embeddings', 131_072);
  const [full, sliding] = bothParameters(raw).map(({ parameters, theta }) =>
    readRotary(raw.over({ rope_theta: theta }), facts.headDim, longest, { parameters }),
  ) as [ReturnType<typeof readRotary>, ReturnType<typeof readRotary>];
  const scale = 1 / Math.sqrt(raw.positive('query_pre_attn_scalar'));
  const architecture = llamaLike(raw, facts, {
    ...common(raw, facts),
    architecture: 'gemma3_text',
    // A model with images keeps its parts under longer names.
    prefixes: ['language_model.model.', 'model.language_model.', 'language_model.', 'model.model.', 'model.'],
    ignored: /^(vision_tower|multi_modal_projector)\.|rotary_emb\.inv_freq$/,
    contextLength: Math.min(full.contextLength, sliding.contextLength),
    activation: 'hidden_activation',
    norms: 'both',
    head: { softCap: raw.optionalPositive('final_logit_softcapping') },
    attention: (l, norm) => ({
      rotary: windows[l] === null ? full.rotary : sliding.rotary,
      scale,
      window: windows[l],
      norms: { q: norm('q_norm'), k: norm('k_norm'), over: 'head' },
    }),
  });
  // transformers reads it and does nothing with it.
  raw.value('attn_logit_softcapping');
  raw.refuse();
  return architecture;
}

/** Gemma 3 with images: its text part is run. */
export function gemma3(raw: RawConfig): Architecture {
  return gemma3Text(raw.part('text_config'));
}

/** Rotary parameters of the layers without a window, and of those with one (Gemma3TextConfig). */
function bothParameters(raw: RawConfig): { parameters: RopeParameters; theta: number }[] {
  const old = raw.value('rope_scaling');
  const given = (raw.value('rope_parameters') ?? {}) as Record<string, unknown>;
  const part = (key: string): Record<string, unknown> => {
    const value = given[key] ?? {};
    if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
    throw raw.error(`rope_parameters.${key} must be an object, not ${JSON.stringify(value)}`);
  };
  const flat = Object.keys(given).find((key) => !['full_attention', 'sliding_attention'].includes(key));
  if (flat !== undefined)
    throw raw.error(`rope_parameters.${flat} is not supported: give full_attention and sliding_attention`);
  const full = { ...part('full_attention'), ...(old === undefined ? {} : ropeParameters(raw).values) };
  return [
    {
      parameters: { key: 'rope_parameters.full_attention', values: full },
      theta: raw.positive('rope_theta', 1_000_000),
    },
    {
      parameters: { key: 'rope_parameters.sliding_attention', values: part('sliding_attention') },
      theta: raw.positive('rope_local_base_freq', 10_000),
    },
  ];
}
