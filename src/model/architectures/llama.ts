import type { Wire } from '../../onnx/graph.ts';
import {
  type Architecture,
  activate,
  type MlpNames,
  type ModelConfig,
  positions,
  type RawConfig,
} from './architecture.ts';

/** Weight names of layer l; Linear matrices are [out, in]. */
const names = (l: number) => ({
  ln1: `layers.${l}.input_layernorm`,
  q: `layers.${l}.self_attn.q_proj`,
  k: `layers.${l}.self_attn.k_proj`,
  v: `layers.${l}.self_attn.v_proj`,
  attnOut: `layers.${l}.self_attn.o_proj`,
  ln2: `layers.${l}.post_attention_layernorm`,
  gate: `layers.${l}.mlp.gate_proj`,
  up: `layers.${l}.mlp.up_proj`,
  mlpOut: `layers.${l}.mlp.down_proj`,
});

/** Llama: RMSNorm, rotary positions, grouped-query attention, a gated MLP. Hugging Face's LlamaForCausalLM. */
export const llama: Architecture = {
  prefix: 'model.',
  ignored: /rotary_emb\.inv_freq$/,

  readConfig(raw): ModelConfig {
    const width = raw.size('hidden_size');
    const heads = raw.size('num_attention_heads');
    const layers = raw.size('num_hidden_layers');
    const kvHeads = raw.size('num_key_value_heads', heads);
    if (heads % kvHeads !== 0) {
      throw raw.error(`num_attention_heads ${heads} is not a multiple of num_key_value_heads ${kvHeads}`);
    }
    const headDim = raw.size('head_dim', width / heads);
    const scale = 1 / Math.sqrt(headDim);
    raw.refuse({
      position_embedding_type: ['rope'],
      partial_rotary_factor: [1],
      rotary_pct: [1],
      rope_interleaved: [false],
      attention_multiplier: [scale],
      query_pre_attn_scalar: [headDim],
      layer_types: [Array(layers).fill('full_attention')],
      rope_local_base_freq: [],
      no_rope_layers: [[], Array(layers).fill(1)],
      no_rope_layer_interval: [0],
      attn_temperature_tuning: [false],
      cross_attention_layers: [[]],
    });
    return {
      architecture: 'llama',
      layers,
      width,
      heads,
      kvHeads,
      headDim,
      mlpWidth: raw.size('intermediate_size'),
      vocabulary: raw.size('vocab_size'),
      contextLength: raw.size('max_position_embeddings', 2048),
      norm: { kind: 'rmsnorm', epsilon: raw.positive('rms_norm_eps', 1e-6) },
      activation: raw.activation('hidden_act', 'silu'),
      gated: true,
      tied: raw.flag('tie_word_embeddings', false),
      attentionScale: Array(layers).fill(scale),
      rotary: rotaryFrequencies(raw, headDim),
    };
  },

  mlpNames(layer): MlpNames {
    const { up, gate, ln2 } = names(layer);
    return { up, gate, norm: ln2, layout: 'out_in' };
  },

  build(graph, config, weights, site): void {
    const { width, heads, kvHeads, headDim, mlpWidth, vocabulary } = config;
    const at = (name: string, ...shape: number[]): Wire => graph.weight(name, weights.ref(name, shape));
    const linear = (x: Wire, name: string, inputs: number, outputs: number): Wire => {
      const y = graph.op(
        'FusedMatMul',
        [x, at(`${name}.weight`, outputs, inputs)],
        { transB: 1 },
        'com.microsoft',
      );
      return weights.has(`${name}.bias`) ? graph.op('Add', [y, at(`${name}.bias`, outputs)]) : y;
    };
    const norm = (x: Wire, weight: Wire): Wire =>
      graph.op('RMSNormalization', [x, weight], {
        axis: -1,
        epsilon: { float: config.norm.epsilon },
        stash_type: 1,
      });

    const tokens = graph.input('tokens', 'int32', ['batch', 'position']);
    // Angles in double: position × frequency would lose digits in float far from the start.
    const position = positions(graph, tokens);
    const exact = graph.op('Cast', [graph.op('Unsqueeze', [position, graph.integers(1)])], { to: 11 });
    const angle = graph.op('Mul', [exact, graph.constant(config.rotary!, [1, headDim / 2])]);
    const cos = graph.op('Cast', [graph.op('Cos', [angle])], { to: 1 });
    const sin = graph.op('Cast', [graph.op('Sin', [angle])], { to: 1 });
    const zeros = graph.op('Sub', [tokens, tokens]);
    const rows = graph.op('Add', [
      graph.op('Cast', [zeros], { to: 7 }),
      graph.op('Unsqueeze', [position, graph.integers(0)]),
    ]);
    const rotate = (x: Wire, count: number): Wire =>
      graph.op('RotaryEmbedding', [x, cos, sin, rows], { num_heads: count, interleaved: 0 });

    const embedding = at('embed_tokens.weight', vocabulary, width);
    const ones = graph.constant(new Float32Array(width).fill(1));
    let x = graph.op('Gather', [embedding, tokens]);
    for (let l = 0; l < config.layers; l++) {
      const block = `blocks.${l}`;
      const name = names(l);
      x = site(`${block}.hook_resid_pre`, x, width);
      const n = norm(x, at(`${name.ln1}.weight`, width));
      const query = linear(n, name.q, width, heads * headDim);
      const key = linear(n, name.k, width, kvHeads * headDim);
      const value = linear(n, name.v, width, kvHeads * headDim);
      const attention = graph.op('Attention', [rotate(query, heads), rotate(key, kvHeads), value], {
        q_num_heads: heads,
        kv_num_heads: kvHeads,
        is_causal: 1,
        scale: { float: config.attentionScale[l]! },
      });
      const z = site(`${block}.attn.hook_z`, attention, heads * headDim);
      const attentionOut = site(
        `${block}.hook_attn_out`,
        linear(z, name.attnOut, heads * headDim, width),
        width,
      );
      x = site(`${block}.hook_resid_mid`, graph.op('Add', [x, attentionOut]), width);
      const alone = norm(x, ones);
      const gamma = at(`${name.ln2}.weight`, width);
      const normalized = site(`${block}.ln2.hook_normalized`, alone, width);
      const scaled = normalized === alone ? norm(x, gamma) : graph.op('Mul', [normalized, gamma]);
      const h = site(`${block}.mlp.hook_in`, scaled, width);
      const pre = site(`${block}.mlp.hook_pre`, linear(h, name.gate, width, mlpWidth), mlpWidth);
      const linearPre = site(`${block}.mlp.hook_pre_linear`, linear(h, name.up, width, mlpWidth), mlpWidth);
      const product = graph.op('Mul', [activate(graph, config.activation, pre), linearPre]);
      const post = site(`${block}.mlp.hook_post`, product, mlpWidth);
      const mlpOut = site(`${block}.hook_mlp_out`, linear(post, name.mlpOut, mlpWidth, width), width);
      x = site(`${block}.hook_resid_post`, graph.op('Add', [x, mlpOut]), width);
    }
    const head = config.tied ? embedding : at('lm_head.weight', vocabulary, width);
    const last = norm(x, at('norm.weight', width));
    site('logits', graph.op('FusedMatMul', [last, head], { transB: 1 }, 'com.microsoft'), vocabulary);
  },
};

/**
 * θ^(−2i/headDim), scaled as `rope_scaling` (transformers ≥ 5: `rope_parameters`) says; `linear` and `llama3`
 * as in transformers' modeling_rope_utils.
 */
function rotaryFrequencies(raw: RawConfig, headDim: number): Float64Array {
  const scaling = (raw.values['rope_parameters'] ?? raw.values['rope_scaling'] ?? {}) as Record<
    string,
    unknown
  >;
  if (typeof scaling !== 'object' || Array.isArray(scaling)) {
    throw raw.error(`rope_scaling must be an object, not ${JSON.stringify(scaling)}`);
  }
  const nested = Object.entries(scaling).find(
    ([, value]) => typeof value === 'object' && value !== null && !Array.isArray(value),
  );
  if (nested !== undefined) {
    throw raw.error(
      `rope_parameters.${nested[0]}: rotary positions that differ by layer change the computation and are not supported`,
    );
  }
  const number = (key: string, fallback?: number): number => {
    const value = scaling[key] ?? fallback;
    if (typeof value !== 'number' || !(value > 0)) {
      throw raw.error(`rope_scaling.${key} must be a positive number, not ${JSON.stringify(value)}`);
    }
    return value;
  };
  if (headDim % 2 !== 0) throw raw.error(`head_dim ${headDim} is odd: rotary positions need pairs`);
  if ((scaling['partial_rotary_factor'] ?? 1) !== 1) {
    throw raw.error(
      `rope_parameters.partial_rotary_factor = ${JSON.stringify(scaling['partial_rotary_factor'])} changes the computation and is not supported (only 1)`,
    );
  }
  const theta = number('rope_theta', raw.positive('rope_theta', 10000));
  const plain = Float64Array.from({ length: headDim / 2 }, (_, i) => theta ** ((-2 * i) / headDim));
  const type = scaling['rope_type'] ?? scaling['type'] ?? 'default';
  if (type === 'default') return plain;
  if (type === 'linear') return plain.map((f) => f / number('factor'));
  if (type === 'llama3') {
    const factor = number('factor');
    const low = number('low_freq_factor');
    const high = number('high_freq_factor');
    const original = number('original_max_position_embeddings');
    return plain.map((f) => {
      const wavelength = (2 * Math.PI) / f;
      if (wavelength < original / high) return f;
      if (wavelength > original / low) return f / factor;
      const smooth = (original / wavelength - low) / (high - low);
      return ((1 - smooth) * f) / factor + smooth * f;
    });
  }
  throw raw.error(
    `rope_scaling type ${JSON.stringify(type)} changes the computation and is not supported (only default, linear, llama3)`,
  );
}
