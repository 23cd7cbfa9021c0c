import type { GraphBuilder, Wire } from '../../onnx/graph.ts';
import { type Architecture, activate, type MlpNames, type ModelConfig, positions } from './architecture.ts';

/** Weight names of layer l; Conv1D matrices are [in, out]. */
const names = (l: number) => ({
  ln1: `h.${l}.ln_1`,
  qkv: `h.${l}.attn.c_attn`,
  attnOut: `h.${l}.attn.c_proj`,
  ln2: `h.${l}.ln_2`,
  up: `h.${l}.mlp.c_fc`,
  mlpOut: `h.${l}.mlp.c_proj`,
});

/** GPT-2: LayerNorm before each part, learned positions, an ungated MLP. Hugging Face's GPT2LMHeadModel. */
export const gpt2: Architecture = {
  prefix: 'transformer.',
  ignored: /^h\.\d+\.attn\.(masked_)?bias$/,

  readConfig(raw): ModelConfig {
    raw.refuse({ position_embedding_type: ['absolute'] });
    const width = raw.size(['n_embd', 'hidden_size']);
    const heads = raw.size(['n_head', 'num_attention_heads']);
    const layers = raw.size(['n_layer', 'num_hidden_layers']);
    if (width % heads !== 0) throw raw.error(`n_embd ${width} is not a multiple of n_head ${heads}`);
    const headDim = width / heads;
    const scale = raw.flag('scale_attn_weights', true) ? 1 / Math.sqrt(headDim) : 1;
    const byLayer = raw.flag('scale_attn_by_inverse_layer_idx', false);
    return {
      architecture: 'gpt2',
      layers,
      width,
      heads,
      kvHeads: heads,
      headDim,
      mlpWidth: raw.size('n_inner', 4 * width),
      vocabulary: raw.size('vocab_size'),
      contextLength: raw.size(['n_positions', 'n_ctx']),
      norm: { kind: 'layernorm', epsilon: raw.positive('layer_norm_epsilon', 1e-5) },
      activation: raw.activation('activation_function', 'gelu_new'),
      gated: false,
      tied: raw.flag('tie_word_embeddings', true),
      attentionScale: Array.from({ length: layers }, (_, l) => (byLayer ? scale / (l + 1) : scale)),
      rotary: null,
    };
  },

  mlpNames(layer): MlpNames {
    const { up, ln2 } = names(layer);
    return { up, gate: null, norm: ln2, layout: 'in_out' };
  },

  build(graph, config, weights, site): void {
    const { width, heads, mlpWidth, vocabulary, contextLength } = config;
    const at = (name: string, ...shape: number[]): Wire => graph.weight(name, weights.ref(name, shape));
    const linear = (x: Wire, name: string, inputs: number, outputs: number): Wire => {
      const y = graph.op('MatMul', [x, at(`${name}.weight`, inputs, outputs)]);
      return weights.has(`${name}.bias`) ? graph.op('Add', [y, at(`${name}.bias`, outputs)]) : y;
    };
    const norm = (x: Wire, name: string): Wire =>
      graph.op('LayerNormalization', [x, at(`${name}.weight`, width), at(`${name}.bias`, width)], {
        axis: -1,
        epsilon: { float: config.norm.epsilon },
      });

    const tokens = graph.input('tokens', 'int32', ['batch', 'position']);
    const embedding = at('wte.weight', vocabulary, width);
    const learned = graph.op('Gather', [at('wpe.weight', contextLength, width), positions(graph, tokens)]);
    let x = graph.op('Add', [graph.op('Gather', [embedding, tokens]), learned]);
    for (let l = 0; l < config.layers; l++) {
      const block = `blocks.${l}`;
      const name = names(l);
      x = site(`${block}.hook_resid_pre`, x, width);
      const qkv = linear(norm(x, name.ln1), name.qkv, width, 3 * width);
      const [q, k, v] = graph.ops('Split', 3, [qkv], { axis: -1, num_outputs: 3 });
      const attention = graph.op('Attention', [q!, k!, v!], {
        q_num_heads: heads,
        kv_num_heads: heads,
        is_causal: 1,
        scale: { float: config.attentionScale[l]! },
      });
      const z = site(`${block}.attn.hook_z`, attention, width);
      const attentionOut = site(`${block}.hook_attn_out`, linear(z, name.attnOut, width, width), width);
      x = site(`${block}.hook_resid_mid`, graph.op('Add', [x, attentionOut]), width);
      const h = normedInput(
        graph,
        config,
        site,
        block,
        x,
        at(`${name.ln2}.weight`, width),
        at(`${name.ln2}.bias`, width),
      );
      const pre = site(`${block}.mlp.hook_pre`, linear(h, name.up, width, mlpWidth), mlpWidth);
      const post = site(`${block}.mlp.hook_post`, activate(graph, config.activation, pre), mlpWidth);
      const mlpOut = site(`${block}.hook_mlp_out`, linear(post, name.mlpOut, mlpWidth, width), width);
      x = site(`${block}.hook_resid_post`, graph.op('Add', [x, mlpOut]), width);
    }
    const head = config.tied ? embedding : at('lm_head.weight', vocabulary, width);
    const logits = graph.op('FusedMatMul', [norm(x, 'ln_f'), head], { transB: 1 }, 'com.microsoft');
    site('logits', logits, vocabulary);
  },
};

/**
 * The MLP's input h from the residual stream x: `ln2.hook_normalized` is x normalised alone, `mlp.hook_in`
 * has γ and β in it. The two are one operator unless the normalised value is replaced.
 */
function normedInput(
  graph: GraphBuilder,
  config: ModelConfig,
  site: Parameters<Architecture['build']>[3],
  block: string,
  x: Wire,
  gamma: Wire,
  beta: Wire,
): Wire {
  const attributes = { axis: -1, epsilon: { float: config.norm.epsilon } };
  const ones = graph.constant(new Float32Array(config.width).fill(1));
  const alone = graph.op('LayerNormalization', [x, ones], attributes);
  const normalized = site(`${block}.ln2.hook_normalized`, alone, config.width);
  const h =
    normalized === alone
      ? graph.op('LayerNormalization', [x, gamma, beta], attributes)
      : graph.op('Add', [graph.op('Mul', [normalized, gamma]), beta]);
  return site(`${block}.mlp.hook_in`, h, config.width);
}
