import type { Architecture, ModelConfig } from './architecture.ts';
import { type BlockPlan, linear, type NormPlan } from './plan.ts';
import type { RawConfig } from './raw-config.ts';
import { transformer } from './transformer.ts';

/**
 * GPT-Neo: GPT-2 with Linear matrices, scores that are not scaled, and in some layers a window of attention. Hugging
 * Face's GPTNeoForCausalLM.
 */
export function gptNeo(raw: RawConfig): Architecture {
  const width = raw.size('hidden_size', 2048);
  const heads = raw.size(['num_heads', 'num_attention_heads'], 16);
  const headDim = raw.headDim(width, heads);
  const epsilon = raw.positive('layer_norm_epsilon', 1e-5);
  const config: ModelConfig = {
    architecture: 'gpt_neo',
    layers: raw.size(['num_layers', 'num_hidden_layers'], 24),
    width,
    heads,
    kvHeads: heads,
    headDim,
    mlpWidth: raw.size('intermediate_size', 4 * width),
    vocabulary: raw.size('vocab_size', 50_257),
    contextLength: raw.size('max_position_embeddings', 2048),
    norm: { kind: 'layernorm', epsilon },
    activation: raw.activation('activation_function', 'gelu_new'),
    gated: false,
    rotary: false,
    bidirectional: false,
  };
  const local = localLayers(raw, config.layers);
  const window = raw.size('window_size', 256);
  const tied = raw.flag('tie_word_embeddings', true);
  raw.refuse();

  const norm = (name: string): NormPlan => ({ name, kind: 'layernorm', epsilon });
  return transformer({
    config,
    prefixes: ['transformer.'],
    ignored: /^h\.\d+\.attn\.attention\.(masked_)?bias$/,
    embedding: { tokens: 'wte.weight', positions: { name: 'wpe.weight', rows: config.contextLength } },
    block: (l): BlockPlan => ({
      order: 'pre',
      attentionNorm: norm(`h.${l}.ln_1`),
      attention: {
        heads,
        kvHeads: heads,
        headDim,
        qkv: {
          q: linear(`h.${l}.attn.attention.q_proj`),
          k: linear(`h.${l}.attn.attention.k_proj`),
          v: linear(`h.${l}.attn.attention.v_proj`),
        },
        out: linear(`h.${l}.attn.attention.out_proj`, true),
        scale: 1,
        causal: true,
        window: local[l] ? window : null,
      },
      mlp: {
        norm: norm(`h.${l}.ln_2`),
        neurons: { up: linear(`h.${l}.mlp.c_fc`, true) },
        out: linear(`h.${l}.mlp.c_proj`, true),
        activation: config.activation,
        width: config.mlpWidth,
      },
    }),
    finalNorm: norm('ln_f'),
    head: { name: 'lm_head', tied },
  });
}

/** Which layers have a window: `attention_types` is a list of [kinds, how often they repeat]. */
function localLayers(raw: RawConfig, layers: number): boolean[] {
  const types = raw.value('attention_types') ?? [[['global', 'local'], 12]];
  const kinds = Array.isArray(types) ? types.flatMap((entry) => repeated(entry, layers) ?? [null]) : [];
  if (kinds.length !== layers || kinds.some((kind) => kind !== 'global' && kind !== 'local')) {
    throw raw.error(
      `attention_types must name global or local for each of ${layers} layers, not ${JSON.stringify(types)}`,
    );
  }
  return kinds.map((kind) => kind === 'local');
}

function repeated(entry: unknown, layers: number): unknown[] | null {
  if (!Array.isArray(entry) || !Array.isArray(entry[0]) || entry[0].length > layers) return null;
  const [kinds, times] = entry as [unknown[], unknown];
  if (typeof times !== 'number' || !Number.isInteger(times) || times < 1 || times > layers) return null;
  return Array.from({ length: times }, () => kinds).flat();
}
