import type { Architecture, ModelConfig } from './architecture.ts';
import {
  type AttentionPlan,
  type BlockPlan,
  type EmbeddingPlan,
  type HeadPlan,
  type LinearPlan,
  linear,
  type MlpPlan,
  type NormPlan,
} from './plan.ts';
import type { RawConfig } from './raw-config.ts';
import { transformer } from './transformer.ts';

/** Facts of config.json that the families after Llama's pattern name alike. */
export interface DecoderFacts {
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly epsilon: number;
}

/** Reads them; the config gives the family's defaults (`RawConfig.withDefaults`). */
export function readDecoder(raw: RawConfig): DecoderFacts {
  const width = raw.size('hidden_size');
  const heads = raw.size('num_attention_heads');
  return {
    layers: raw.size('num_hidden_layers'),
    width,
    heads,
    kvHeads: raw.kvHeads(heads),
    headDim: raw.size('head_dim', width / heads),
    epsilon: raw.positive('rms_norm_eps', 1e-6),
  };
}

/** What tells a family from Llama: RMSNorms, rotary positions, grouped-query attention, a gated MLP without biases. */
export interface LlamaChoices {
  readonly architecture: string;
  readonly contextLength: number;
  readonly prefixes?: readonly string[];
  readonly ignored?: RegExp;
  /** Neurons of a layer; default `intermediate_size`. */
  readonly mlpWidth?: number;
  /** The key of the MLP's activation; default `hidden_act`. */
  readonly activation?: string;
  /** Biases of queries, keys and values; of attention's output matrix; of the MLP's matrices. Default none. */
  readonly biases?: {
    readonly qkv?: LinearPlan['bias'];
    readonly out?: LinearPlan['bias'];
    readonly mlp?: LinearPlan['bias'];
  };
  /** Norm weights are stored less 1. */
  readonly plusOne?: boolean;
  readonly embedding?: Partial<EmbeddingPlan>;
  readonly head?: Partial<HeadPlan>;
  /** What attention has of its own in a layer, under the norms' names there. */
  attention(layer: number, norm: (name: string) => NormPlan): Partial<AttentionPlan>;
  /** What the MLP has of its own in a layer. */
  mlp?(layer: number): Partial<MlpPlan>;
  /** Where the norms stand: before each part (Llama), after each (OLMo 2), or both (Gemma 2). */
  readonly norms?: 'before' | 'after' | 'both';
}

/** An architecture after Llama's pattern. */
export function llamaLike(raw: RawConfig, facts: DecoderFacts, choices: LlamaChoices): Architecture {
  const { layers, width, heads, kvHeads, headDim, epsilon } = facts;
  const { norms = 'before', plusOne = false, biases = {} } = choices;
  const config: ModelConfig = {
    architecture: choices.architecture,
    layers,
    width,
    heads,
    kvHeads,
    headDim,
    mlpWidth: choices.mlpWidth ?? raw.size('intermediate_size'),
    vocabulary: raw.size('vocab_size'),
    contextLength: choices.contextLength,
    norm: { kind: 'rmsnorm', epsilon },
    activation: raw.activation(choices.activation ?? 'hidden_act', 'silu'),
    gated: true,
    rotary: true,
    bidirectional: false,
    logitCap: choices.head?.softCap ?? null,
  };
  const norm = (name: string): NormPlan => ({ name, kind: 'rmsnorm', epsilon, plusOne });
  return transformer({
    config,
    prefixes: choices.prefixes ?? ['model.model.', 'model.'],
    ignored: choices.ignored ?? /rotary_emb\.inv_freq$/,
    embedding: { tokens: 'embed_tokens.weight', ...choices.embedding },
    block: (l): BlockPlan => {
      const at = `layers.${l}`;
      const attention: AttentionPlan = {
        heads,
        kvHeads,
        headDim,
        qkv: {
          q: linear(`${at}.self_attn.q_proj`, biases.qkv),
          k: linear(`${at}.self_attn.k_proj`, biases.qkv),
          v: linear(`${at}.self_attn.v_proj`, biases.qkv),
        },
        out: linear(`${at}.self_attn.o_proj`, biases.out),
        scale: 1 / Math.sqrt(headDim),
        causal: true,
        ...choices.attention(l, (name) => norm(`${at}.self_attn.${name}`)),
      };
      const mlp: MlpPlan = {
        norm: null,
        neurons: {
          gate: linear(`${at}.mlp.gate_proj`, biases.mlp),
          up: linear(`${at}.mlp.up_proj`, biases.mlp),
        },
        out: linear(`${at}.mlp.down_proj`, biases.mlp),
        activation: config.activation,
        width: config.mlpWidth,
        ...choices.mlp?.(l),
      };
      const first = norm(`${at}.input_layernorm`);
      const second = norm(`${at}.post_attention_layernorm`);
      const last = norm(`${at}.post_feedforward_layernorm`);
      if (norms === 'before') {
        return { order: 'pre', attentionNorm: first, attention, mlp: { ...mlp, norm: second } };
      }
      const after = { attentionOut: { norm: second }, mlpOut: { norm: last } };
      if (norms === 'after') return { order: 'pre', attentionNorm: null, attention, mlp, ...after };
      const third = norm(`${at}.pre_feedforward_layernorm`);
      return { order: 'pre', attentionNorm: first, attention, mlp: { ...mlp, norm: third }, ...after };
    },
    finalNorm: norm('norm'),
    head: { name: 'lm_head', tied: raw.tied(), ...choices.head },
  });
}

/** Layers that `layer_types` says to attend within `sliding_window`; the others' window is null. */
export function slidingWindows(
  raw: RawConfig,
  layers: number,
  window: number | null,
  isSliding: (layer: number) => boolean,
): (number | null)[] {
  const types = raw.value('layer_types') ?? Array.from({ length: layers }, (_, l) => typeOf(isSliding(l)));
  const known = [typeOf(true), typeOf(false)];
  if (!Array.isArray(types) || types.length !== layers || !types.every((type) => known.includes(type))) {
    throw raw.error(
      `layer_types ${JSON.stringify(types)} is not supported (${layers} times ${known.join(' or ')})`,
    );
  }
  return types.map((type) => {
    if (type !== typeOf(true)) return null;
    if (window === null) throw raw.error('layer_types has sliding_attention, but sliding_window is not set');
    return window;
  });
}

function typeOf(sliding: boolean): string {
  return sliding ? 'sliding_attention' : 'full_attention';
}
