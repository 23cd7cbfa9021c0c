import type { GgufValue } from '../../tensors/gguf.ts';
import type { Metadata } from './metadata.ts';
import { type ConfigVectors, ropeParameters } from './rope-scaling.ts';

/** Names of the tensors of the decoders after Llama; see GgufFamily. */
export const DECODER_NAMES = {
  token_embd: 'model.embed_tokens',
  output_norm: 'model.norm',
  output: 'lm_head',
  'blk.attn_norm': 'model.layers.#.input_layernorm',
  'blk.attn_q': 'model.layers.#.self_attn.q_proj',
  'blk.attn_k': 'model.layers.#.self_attn.k_proj',
  'blk.attn_v': 'model.layers.#.self_attn.v_proj',
  'blk.attn_output': 'model.layers.#.self_attn.o_proj',
  'blk.ffn_norm': 'model.layers.#.post_attention_layernorm',
  'blk.ffn_gate': 'model.layers.#.mlp.gate_proj',
  'blk.ffn_up': 'model.layers.#.mlp.up_proj',
  'blk.ffn_down': 'model.layers.#.mlp.down_proj',
} as const;

/** Keys of models of the same names whose computation is another, with the values that change nothing. */
const REFUSED: Readonly<Record<string, readonly GgufValue[]>> = {
  expert_count: [0],
  'attention.causal': [true],
  'attention.clamp_kqv': [0],
  'attention.max_alibi_bias': [0],
  'attention.scale': [],
  'attention.sliding_window': [0],
  attn_logit_softcapping: [0],
  final_logit_softcapping: [0],
  logit_scale: [1],
  residual_scale: [1],
  embedding_scale: [1],
  use_parallel_residual: [false],
};

/** config.json of the decoders after Llama. @param taken keys that the caller follows */
export function decoderConfig(
  meta: Metadata,
  vectors: ConfigVectors,
  taken: readonly string[] = [],
): Record<string, unknown> {
  meta.refuse(Object.fromEntries(Object.entries(REFUSED).filter(([key]) => !taken.includes(key))));
  const width = meta.size('embedding_length');
  const heads = meta.size('attention.head_count');
  const headDim = meta.size('attention.key_length', width / heads);
  meta.refuse({ 'attention.value_length': [headDim] });
  return {
    hidden_size: width,
    num_hidden_layers: meta.size('block_count'),
    num_attention_heads: heads,
    num_key_value_heads: kvHeads(meta),
    head_dim: headDim,
    intermediate_size: meta.size('feed_forward_length'),
    hidden_act: 'silu',
    max_position_embeddings: meta.size('context_length'),
    rms_norm_eps: meta.positive('attention.layer_norm_rms_epsilon', 1e-6),
    rope_parameters: ropeParameters(meta, headDim, vectors),
  };
}

export function kvHeads(meta: Metadata): number {
  return meta.size('attention.head_count_kv', meta.size('attention.head_count'));
}
