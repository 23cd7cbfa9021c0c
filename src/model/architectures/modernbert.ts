import type { Architecture, ModelConfig } from './architecture.ts';
import { type BlockPlan, biasBy, linear, type NormPlan, type Rotary } from './plan.ts';
import type { RawConfig } from './raw-config.ts';
import { readRotary } from './rotary.ts';
import { transformer } from './transformer.ts';

/** Kinds of layers, with θ where config.json names none and the key by which older ones do. */
const KINDS = {
  full_attention: { theta: 160_000, key: 'global_rope_theta' },
  sliding_attention: { theta: 10_000, key: 'local_rope_theta' },
} as const;
type Kind = keyof typeof KINDS;

/**
 * ModernBERT: an encoder with norms before attention (but in layer 0) and MLP, rotary positions, a gated MLP of one matrix,
 * and layers that see a window only. Hugging Face's ModernBertModel, ModernBertForMaskedLM.
 */
export function modernbert(raw: RawConfig): Architecture {
  const width = raw.size('hidden_size');
  const heads = raw.size('num_attention_heads');
  if (width % heads !== 0) {
    throw raw.error(`hidden_size ${width} is not a multiple of num_attention_heads ${heads}`);
  }
  const headDim = raw.size('head_dim', width / heads);
  const layers = raw.size('num_hidden_layers');
  const epsilon = raw.positive('norm_eps', 1e-5);
  const config: ModelConfig = {
    architecture: 'modernbert',
    layers,
    width,
    heads,
    kvHeads: heads,
    headDim,
    mlpWidth: raw.size('intermediate_size'),
    vocabulary: raw.size('vocab_size'),
    contextLength: raw.size('max_position_embeddings', 8192),
    norm: { kind: 'layernorm', epsilon },
    activation: raw.activation('hidden_activation', 'gelu'),
    gated: true,
    rotary: true,
    bidirectional: true,
  };
  const kinds = layerKinds(raw, layers);
  const rotary = readRotaries(raw, headDim, config.contextLength);
  // Positions up to half of it away, to each side.
  const window = Math.floor(raw.size('local_attention', 128) / 2) + 1;
  const normBias = raw.flag('norm_bias', false);
  const attentionBias = biasBy(raw.flag('attention_bias', false));
  const mlpBias = biasBy(raw.flag('mlp_bias', false));
  const headBias = biasBy(raw.flag('classifier_bias', false));
  const headActivation = raw.activation('classifier_activation', 'gelu');
  const decoderBias = raw.flag('decoder_bias', true);
  const tied = raw.flag('tie_word_embeddings', true);
  raw.refuse();

  const norm = (name: string): NormPlan => ({ name, kind: 'layernorm', epsilon, bias: normBias });
  return transformer({
    config,
    prefixes: ['model.'],
    // A classifier's `head` has the names of the masked-language head's.
    ignored: /^(head|classifier|qa_outputs)\./,
    embedding: { tokens: 'embeddings.tok_embeddings.weight', norm: norm('embeddings.norm') },
    block: (l): BlockPlan => ({
      order: 'pre',
      attentionNorm: l === 0 ? null : norm(`layers.${l}.attn_norm`),
      attention: {
        heads,
        kvHeads: heads,
        headDim,
        qkv: { all: linear(`layers.${l}.attn.Wqkv`, attentionBias), order: 'blocks' },
        out: linear(`layers.${l}.attn.Wo`, attentionBias),
        scale: 1 / Math.sqrt(headDim),
        causal: false,
        window: kinds[l] === 'sliding_attention' ? window : null,
        rotary: rotary[kinds[l]!],
      },
      mlp: {
        norm: norm(`layers.${l}.mlp_norm`),
        neurons: { gateUp: linear(`layers.${l}.mlp.Wi`, mlpBias) },
        out: linear(`layers.${l}.mlp.Wo`, mlpBias),
        activation: config.activation,
        width: config.mlpWidth,
      },
    }),
    finalNorm: norm('final_norm'),
    head: {
      name: 'decoder',
      tied,
      bias: decoderBias,
      transform: {
        linear: linear('head.dense', headBias),
        activation: headActivation,
        norm: norm('head.norm'),
      },
    },
  });
}

function layerKinds(raw: RawConfig, layers: number): Kind[] {
  const every = raw.size('global_attn_every_n_layers', 3);
  const given = raw.value('layer_types');
  if (given === undefined) {
    return Array.from({ length: layers }, (_, l) =>
      l % every === 0 ? 'full_attention' : 'sliding_attention',
    );
  }
  const fits =
    Array.isArray(given) && given.length === layers && given.every((kind) => Object.hasOwn(KINDS, kind));
  if (fits) return given;
  throw raw.error(
    `layer_types must name each of ${layers} layers full_attention or sliding_attention, not ${JSON.stringify(given)}`,
  );
}

/** `rope_parameters` by kind of layer; `rope_scaling` is laid over both, as in transformers. */
function readRotaries(raw: RawConfig, headDim: number, contextLength: number): Record<Kind, Rotary> {
  const object = (key: string, value: unknown): Readonly<Record<string, unknown>> => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Readonly<Record<string, unknown>>;
    }
    throw raw.error(`${key} must be an object, not ${JSON.stringify(value)}`);
  };
  const byKind = object('rope_parameters', raw.value('rope_parameters') ?? {});
  const over = object('rope_scaling', raw.value('rope_scaling') ?? {});
  const read = (kind: Kind): Rotary => {
    const theta = raw.positive(KINDS[kind].key, KINDS[kind].theta);
    const own = object(`rope_parameters.${kind}`, byKind[kind] ?? {});
    const parameters = { key: `rope_parameters.${kind}`, values: { rope_theta: theta, ...own, ...over } };
    return readRotary(raw, headDim, contextLength, { parameters }).rotary;
  };
  return { full_attention: read('full_attention'), sliding_attention: read('sliding_attention') };
}
