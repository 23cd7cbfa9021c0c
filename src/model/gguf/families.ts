import { DECODER_NAMES, decoderConfig } from './decoder.ts';
import type { Metadata } from './metadata.ts';
import { type ConfigVectors, ROPE_FREQS, ROPE_LONG, ROPE_SHORT } from './rope-scaling.ts';

/** What llama.cpp's converter did to a tensor's values, to be undone. */
export type Change = 'plus-one' | 'transposed' | { readonly interleaved: 'heads' | 'kvHeads' };

/** A GGUF architecture as transformers has it; `model_type` is its name. */
export interface GgufFamily {
  readonly className: string;
  /** The part of config.json that is the family's own. */
  config(meta: Metadata, vectors: ConfigVectors): Record<string, unknown>;
  /** Names of tensors without `.weight` and `.bias`; `blk.` is a layer, whose number is put for `#`. */
  readonly names: Readonly<Record<string, string>>;
  /** Tensors that config.json is made of. */
  readonly vectors?: readonly string[];
  /** What was done to which matrices and norms, by name. */
  readonly changes?: Readonly<Record<string, Change>>;
}

const NORMS_PLUS_ONE = Object.fromEntries(
  ['output_norm', 'blk.attn_norm', 'blk.ffn_norm', 'blk.post_attention_norm', 'blk.post_ffw_norm'].map(
    (name) => [name, 'plus-one' as const],
  ),
);

const TRANSPOSED = Object.fromEntries(
  ['blk.attn_qkv', 'blk.attn_output', 'blk.ffn_up', 'blk.ffn_down'].map((name) => [
    name,
    'transposed' as const,
  ]),
);

/** The architectures that can be read, by `general.architecture`. */
export const GGUF_FAMILIES: Readonly<Record<string, GgufFamily>> = {
  llama: {
    className: 'LlamaForCausalLM',
    config: (meta, vectors) => ({
      ...decoderConfig(meta, vectors),
      attention_bias: meta.has('blk.0.attn_q.bias'),
      mlp_bias: meta.has('blk.0.ffn_up.bias'),
    }),
    names: DECODER_NAMES,
    vectors: [ROPE_FREQS],
    // Not by Mistral's converter, whose files have the same architecture: see rope-layout.ts.
    changes: { 'blk.attn_q': { interleaved: 'heads' }, 'blk.attn_k': { interleaved: 'kvHeads' } },
  },
  qwen2: {
    className: 'Qwen2ForCausalLM',
    config: (meta, vectors) => ({
      ...withoutHeadDim(decoderConfig(meta, vectors)),
      use_sliding_window: false,
    }),
    names: DECODER_NAMES,
  },
  qwen3: {
    className: 'Qwen3ForCausalLM',
    config: (meta, vectors) => ({
      ...decoderConfig(meta, vectors),
      attention_bias: meta.has('blk.0.attn_q.bias'),
      use_sliding_window: false,
    }),
    names: {
      ...DECODER_NAMES,
      'blk.attn_q_norm': 'model.layers.#.self_attn.q_norm',
      'blk.attn_k_norm': 'model.layers.#.self_attn.k_norm',
    },
  },
  gemma: {
    className: 'GemmaForCausalLM',
    config: (meta, vectors) => ({
      ...decoderConfig(meta, vectors),
      hidden_act: 'gelu_pytorch_tanh',
      attention_bias: false,
    }),
    names: DECODER_NAMES,
    changes: NORMS_PLUS_ONE,
  },
  gemma2: {
    className: 'Gemma2ForCausalLM',
    config: gemma2Config,
    names: {
      ...DECODER_NAMES,
      'blk.post_attention_norm': 'model.layers.#.post_attention_layernorm',
      'blk.ffn_norm': 'model.layers.#.pre_feedforward_layernorm',
      'blk.post_ffw_norm': 'model.layers.#.post_feedforward_layernorm',
    },
    changes: NORMS_PLUS_ONE,
  },
  phi3: {
    className: 'Phi3ForCausalLM',
    config(meta, vectors) {
      const config = withoutHeadDim(decoderConfig(meta, vectors, ['attention.sliding_window']));
      const context = config['max_position_embeddings'] as number;
      return {
        ...config,
        sliding_window: meta.get('attention.sliding_window') || null,
        original_max_position_embeddings: meta.size('rope.scaling.original_context_length', context),
      };
    },
    names: {
      ...DECODER_NAMES,
      'blk.attn_qkv': 'model.layers.#.self_attn.qkv_proj',
      'blk.ffn_up': 'model.layers.#.mlp.gate_up_proj',
    },
    vectors: [ROPE_LONG, ROPE_SHORT],
  },
  gpt2: {
    className: 'GPT2LMHeadModel',
    config: (meta) => ({
      n_layer: meta.size('block_count'),
      n_embd: meta.size('embedding_length'),
      n_head: meta.size('attention.head_count'),
      n_inner: meta.size('feed_forward_length'),
      n_positions: meta.shape('position_embd.weight')[0],
      layer_norm_epsilon: meta.positive('attention.layer_norm_epsilon', 1e-5),
      activation_function: 'gelu_new',
    }),
    names: {
      token_embd: 'transformer.wte',
      position_embd: 'transformer.wpe',
      output_norm: 'transformer.ln_f',
      output: 'lm_head',
      'blk.attn_norm': 'transformer.h.#.ln_1',
      'blk.attn_qkv': 'transformer.h.#.attn.c_attn',
      'blk.attn_output': 'transformer.h.#.attn.c_proj',
      'blk.ffn_norm': 'transformer.h.#.ln_2',
      'blk.ffn_up': 'transformer.h.#.mlp.c_fc',
      'blk.ffn_down': 'transformer.h.#.mlp.c_proj',
    },
    // transformers' Conv1D is [in, out].
    changes: TRANSPOSED,
  },
  bert: {
    className: 'BertModel',
    config: (meta) => ({
      num_hidden_layers: meta.size('block_count'),
      hidden_size: meta.size('embedding_length'),
      num_attention_heads: meta.size('attention.head_count'),
      intermediate_size: meta.size('feed_forward_length'),
      max_position_embeddings: meta.shape('position_embd.weight')[0],
      type_vocab_size: meta.has('token_types.weight') ? meta.shape('token_types.weight')[0] : 2,
      layer_norm_eps: meta.positive('attention.layer_norm_epsilon', 1e-12),
      hidden_act: 'gelu',
    }),
    names: {
      token_embd: 'embeddings.word_embeddings',
      position_embd: 'embeddings.position_embeddings',
      token_types: 'embeddings.token_type_embeddings',
      token_embd_norm: 'embeddings.LayerNorm',
      'blk.attn_q': 'encoder.layer.#.attention.self.query',
      'blk.attn_k': 'encoder.layer.#.attention.self.key',
      'blk.attn_v': 'encoder.layer.#.attention.self.value',
      'blk.attn_output': 'encoder.layer.#.attention.output.dense',
      'blk.attn_output_norm': 'encoder.layer.#.attention.output.LayerNorm',
      'blk.ffn_up': 'encoder.layer.#.intermediate.dense',
      'blk.ffn_down': 'encoder.layer.#.output.dense',
      'blk.layer_output_norm': 'encoder.layer.#.output.LayerNorm',
    },
  },
};

/** The configs of families whose heads always divide the width have no head_dim. */
function withoutHeadDim({ head_dim, ...config }: Record<string, unknown>): Record<string, unknown> {
  const own = (config['hidden_size'] as number) / (config['num_attention_heads'] as number);
  return head_dim === own ? config : { ...config, head_dim };
}

function gemma2Config(meta: Metadata, vectors: ConfigVectors): Record<string, unknown> {
  const { hidden_act: _, ...config } = decoderConfig(meta, vectors, [
    'attention.sliding_window',
    'attn_logit_softcapping',
    'final_logit_softcapping',
  ]);
  const [layers, width, heads] = ['num_hidden_layers', 'hidden_size', 'num_attention_heads'].map(
    (key) => config[key] as number,
  ) as [number, number, number];
  return {
    ...config,
    hidden_activation: 'gelu_pytorch_tanh',
    attention_bias: false,
    // The file does not say: of the published models only that of 46 layers (27B) is not scaled by the head's width.
    query_pre_attn_scalar: layers === 46 ? width / heads : config['head_dim'],
    sliding_window: meta.size('attention.sliding_window', 4096),
    attn_logit_softcapping: meta.positive('attn_logit_softcapping', 50),
    final_logit_softcapping: meta.positive('final_logit_softcapping', 30),
    layer_types: Array.from({ length: layers }, (_, l) =>
      l % 2 === 0 ? 'sliding_attention' : 'full_attention',
    ),
  };
}
