import { activations, add, affine, attend, linear, normalize, type Sites } from './reference-math.ts';
import type { Tensors } from './tiny-checkpoint.ts';

interface RopeConfig {
  type?: string;
  rope_type?: string;
  rope_theta?: number;
  factor?: number;
  low_freq_factor?: number;
  high_freq_factor?: number;
  original_max_position_embeddings?: number;
}

export interface LlamaConfig {
  hidden_size: number;
  intermediate_size: number;
  num_attention_heads: number;
  num_key_value_heads?: number;
  num_hidden_layers: number;
  head_dim?: number;
  vocab_size: number;
  rms_norm_eps?: number;
  rope_theta?: number;
  rope_scaling?: RopeConfig | null;
  rope_parameters?: RopeConfig;
  hidden_act?: string;
  tie_word_embeddings?: boolean;
}

/** Llama in float64, written from Hugging Face's LlamaForCausalLM: every site of one sequence. */
export function referenceLlama(tensors: Tensors, config: LlamaConfig, tokens: ArrayLike<number>): Sites {
  const { hidden_size: width, num_attention_heads: heads, rms_norm_eps: epsilon = 1e-6 } = config;
  const { num_key_value_heads: kvHeads = heads, head_dim: headDim = width / heads } = config;
  const get = (name: string) => tensors[name] ?? tensors[`model.${name}`];
  const project = (x: Float64Array, name: string) =>
    linear(x, get(`${name}.weight`)!, get(`${name}.bias`), 'out_in');
  const norm = (x: Float64Array, name: string) =>
    affine(normalize(x, width, epsilon, false), get(`${name}.weight`)!);
  const act = activations[config.hidden_act ?? 'silu']!;
  const frequencies = ropeFrequencies(config, headDim);

  const sites: Sites = {};
  let x = new Float64Array(tokens.length * width);
  for (let t = 0; t < tokens.length; t++) {
    x.set(get('embed_tokens.weight')!.data.subarray(tokens[t]! * width, (tokens[t]! + 1) * width), t * width);
  }
  for (let l = 0; l < config.num_hidden_layers; l++) {
    const put = (site: string, value: Float64Array) => {
      sites[`blocks.${l}.${site}`] = value;
      return value;
    };
    put('hook_resid_pre', x);
    const n = norm(x, `layers.${l}.input_layernorm`);
    const q = rotate(project(n, `layers.${l}.self_attn.q_proj`), heads, frequencies);
    const k = rotate(project(n, `layers.${l}.self_attn.k_proj`), kvHeads, frequencies);
    const v = project(n, `layers.${l}.self_attn.v_proj`);
    const z = put(
      'attn.hook_z',
      attend([q, k, v], { heads, kvHeads, headDim, scale: 1 / Math.sqrt(headDim) }),
    );
    const attnOut = put('hook_attn_out', project(z, `layers.${l}.self_attn.o_proj`));
    x = put('hook_resid_mid', add(x, attnOut)) as Float64Array<ArrayBuffer>;
    put('ln2.hook_normalized', normalize(x, width, epsilon, false));
    const h = put('mlp.hook_in', norm(x, `layers.${l}.post_attention_layernorm`));
    const gate = put('mlp.hook_pre', project(h, `layers.${l}.mlp.gate_proj`));
    const up = put('mlp.hook_pre_linear', project(h, `layers.${l}.mlp.up_proj`));
    const post = put(
      'mlp.hook_post',
      gate.map((g, i) => act(g) * up[i]!),
    );
    const out = put('hook_mlp_out', project(post, `layers.${l}.mlp.down_proj`));
    x = put('hook_resid_post', add(x, out)) as Float64Array<ArrayBuffer>;
  }
  const head = config.tie_word_embeddings ? get('embed_tokens.weight')! : tensors['lm_head.weight']!;
  sites['logits'] = linear(norm(x, 'norm'), head, undefined, 'out_in');
  return sites;
}

/** Rotates pairs (i, i + headDim/2) of each head by position × frequency. */
function rotate(x: Float64Array, heads: number, frequencies: readonly number[]): Float64Array {
  const half = frequencies.length;
  const y = new Float64Array(x.length);
  for (let start = 0, row = 0; start < x.length; start += 2 * half, row++) {
    const position = Math.floor(row / heads);
    for (let i = 0; i < half; i++) {
      const [cos, sin] = [Math.cos(position * frequencies[i]!), Math.sin(position * frequencies[i]!)];
      const [a, b] = [x[start + i]!, x[start + half + i]!];
      y[start + i] = a * cos - b * sin;
      y[start + half + i] = b * cos + a * sin;
    }
  }
  return y;
}

function ropeFrequencies(config: LlamaConfig, headDim: number): number[] {
  const rope = config.rope_parameters ?? config.rope_scaling ?? {};
  const theta = rope.rope_theta ?? config.rope_theta ?? 10_000;
  const plain = Array.from({ length: headDim / 2 }, (_, i) => 1 / theta ** ((2 * i) / headDim));
  const type = rope.rope_type ?? rope.type ?? 'default';
  if (type === 'default') return plain;
  const factor = rope.factor!;
  if (type === 'linear') return plain.map((f) => f / factor);
  const { low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: old } = rope;
  return plain.map((f) => {
    const turns = (old! * f) / (2 * Math.PI);
    if (turns > high!) return f;
    if (turns < low!) return f / factor;
    const smooth = (turns - low!) / (high! - low!);
    return (1 - smooth) * (f / factor) + smooth * f;
  });
}

/** Names and shapes of a Llama's tensors; `biases` on the attention's projections, the MLP's, or both. */
export function llamaShapes(
  config: LlamaConfig,
  { attention = false, mlp = false }: { attention?: boolean; mlp?: boolean } = {},
): Record<string, number[]> {
  const { hidden_size: d, intermediate_size: inner, num_attention_heads: heads, vocab_size } = config;
  const { num_key_value_heads: kvHeads = heads, head_dim: headDim = d / heads } = config;
  const shapes: Record<string, number[]> = { 'model.embed_tokens.weight': [vocab_size, d] };
  const matrix = (name: string, from: number, to: number, bias: boolean) => {
    shapes[`model.${name}.weight`] = [to, from];
    if (bias) shapes[`model.${name}.bias`] = [to];
  };
  for (let l = 0; l < config.num_hidden_layers; l++) {
    shapes[`model.layers.${l}.input_layernorm.weight`] = [d];
    matrix(`layers.${l}.self_attn.q_proj`, d, heads * headDim, attention);
    matrix(`layers.${l}.self_attn.k_proj`, d, kvHeads * headDim, attention);
    matrix(`layers.${l}.self_attn.v_proj`, d, kvHeads * headDim, attention);
    matrix(`layers.${l}.self_attn.o_proj`, heads * headDim, d, attention);
    shapes[`model.layers.${l}.post_attention_layernorm.weight`] = [d];
    matrix(`layers.${l}.mlp.gate_proj`, d, inner, mlp);
    matrix(`layers.${l}.mlp.up_proj`, d, inner, mlp);
    matrix(`layers.${l}.mlp.down_proj`, inner, d, mlp);
  }
  shapes['model.norm.weight'] = [d];
  if (!config.tie_word_embeddings) shapes['lm_head.weight'] = [vocab_size, d];
  return shapes;
}
