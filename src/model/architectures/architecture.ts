import { PolysemeError } from '../../errors.ts';
import type { GraphBuilder, Wire } from '../../onnx/graph.ts';
import type { TensorRef } from '../../tensors/safetensors.ts';

/** What an MLP's non-linearity computes; `gelu` is the exact erf form, `gelu_tanh` GPT-2's approximation. */
export type Activation = 'gelu' | 'gelu_tanh' | 'relu' | 'silu';

/** What every architecture's config.json is read into. */
export interface ModelConfig {
  readonly architecture: 'gpt2' | 'llama';
  readonly layers: number;
  /** Width d of the residual stream. */
  readonly width: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Neurons of one MLP layer. */
  readonly mlpWidth: number;
  readonly vocabulary: number;
  /** Longest context in tokens. */
  readonly contextLength: number;
  readonly norm: { readonly kind: 'layernorm' | 'rmsnorm'; readonly epsilon: number };
  readonly activation: Activation;
  /** Whether the MLP is gated: activation(gate·h)·(up·h). */
  readonly gated: boolean;
  /** The output matrix is the embedding matrix. */
  readonly tied: boolean;
  /** Multiplier of the attention scores, by layer. */
  readonly attentionScale: readonly number[];
  /** Rotary frequencies (radians a position), one for each pair of a head's dimensions; none for learned positions. */
  readonly rotary: Float64Array | null;
}

/** Weight names of one MLP; `layout` says which axis of a matrix runs over the neurons. */
export interface MlpNames {
  readonly up: string;
  readonly gate: string | null;
  readonly norm: string;
  readonly layout: 'in_out' | 'out_in';
}

/** Where the builder finds a tensor, by its name without prefix. */
export interface Weights {
  has(name: string): boolean;
  /** Errors when the tensor is missing or has another shape. */
  ref(name: string, shape: readonly number[]): TensorRef;
}

/** Marks a value as a site: it becomes tappable, and may be replaced by another. */
export type MarkSite = (site: string, wire: Wire, width: number) => Wire;

export interface Architecture {
  /** Prefix that tensor names may carry, e.g. `transformer.`. */
  readonly prefix: string;
  /** Tensors that do not take part in the computation. */
  readonly ignored: RegExp;
  /** Reads config.json; a key that changes the computation and is not supported is an error. */
  readConfig(raw: RawConfig): ModelConfig;
  mlpNames(layer: number): MlpNames;
  /** Emits the whole model; returns nothing: every value of interest is a site. */
  build(graph: GraphBuilder, config: ModelConfig, weights: Weights, site: MarkSite): void;
}

const SIZE_LIMIT = 1 << 24;

/** config.json with typed, checked access. */
export class RawConfig {
  readonly values: Readonly<Record<string, unknown>>;
  readonly #where: string;

  constructor(values: Readonly<Record<string, unknown>>, where: string) {
    this.values = values;
    this.#where = where;
  }

  /** A whole number from 1 to 2^24, of the first key that is there. */
  size(keys: string | readonly string[], fallback?: number): number {
    const list = typeof keys === 'string' ? [keys] : keys;
    const key = list.find((k) => this.values[k] !== undefined && this.values[k] !== null);
    const value = key === undefined ? fallback : this.values[key];
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > SIZE_LIMIT) {
      throw this.error(
        `${list[0]} must be a whole number from 1 to ${SIZE_LIMIT}, not ${JSON.stringify(value)}`,
      );
    }
    return value;
  }

  /** A positive finite number. */
  positive(key: string, fallback?: number): number {
    const value = this.values[key] ?? fallback;
    if (typeof value !== 'number' || !(value > 0) || !Number.isFinite(value)) {
      throw this.error(`${key} must be a positive number, not ${JSON.stringify(value)}`);
    }
    return value;
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.values[key] ?? fallback;
    if (typeof value !== 'boolean')
      throw this.error(`${key} must be true or false, not ${JSON.stringify(value)}`);
    return value;
  }

  activation(key: string, fallback: string): Activation {
    const value = this.values[key] ?? fallback;
    const known =
      typeof value === 'string' && Object.hasOwn(ACTIVATIONS, value) ? ACTIVATIONS[value] : undefined;
    if (known === undefined) {
      throw this.error(
        `${key} ${JSON.stringify(value)} is not supported (known: ${Object.keys(ACTIVATIONS).join(', ')})`,
      );
    }
    return known;
  }

  /** Refuses keys whose values change the computation in a way that the graph does not follow. */
  refuse(allowed: Readonly<Record<string, readonly unknown[]>>): void {
    for (const [key, values] of Object.entries({ ...ALLOWED_EVERYWHERE, ...allowed })) {
      const value = this.values[key];
      if (value === undefined || value === null) continue;
      if (values.some((ok) => JSON.stringify(ok) === JSON.stringify(value))) continue;
      throw this.error(
        `${key} = ${JSON.stringify(value)} changes the computation and is not supported` +
          (values.length > 0 ? ` (only ${values.map((v) => JSON.stringify(v)).join(', ')})` : ''),
      );
    }
  }

  error(what: string): PolysemeError {
    return new PolysemeError(`${this.#where}: ${what}`);
  }
}

const ACTIVATIONS: Record<string, Activation> = {
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'gelu_tanh',
  gelu_fast: 'gelu_tanh',
  gelu_pytorch_tanh: 'gelu_tanh',
  relu: 'relu',
  silu: 'silu',
  swish: 'silu',
};

/** Keys of other models of the same families that change what is computed, with the values that do not. */
const ALLOWED_EVERYWHERE: Record<string, readonly unknown[]> = {
  quantization_config: [],
  is_encoder_decoder: [false],
  add_cross_attention: [false],
  pruned_heads: [{}],
  alibi: [false],
  attn_logit_softcapping: [],
  final_logit_softcapping: [],
  logits_soft_cap: [],
  logit_scale: [1],
  logits_scaling: [1],
  embedding_multiplier: [1],
  residual_multiplier: [1],
  scale_embedding: [false],
  scale_emb: [1],
  scale_depth: [],
  dim_model_base: [],
  clip_qkv: [],
  qk_layernorm: [false],
  use_qk_norm: [false],
  use_parallel_residual: [false],
  parallel_attn: [false],
  sliding_window: [],
  use_sliding_window: [false],
  attention_chunk_size: [],
  num_experts: [0, 1],
  num_local_experts: [0, 1],
  n_routed_experts: [0],
  num_kv_shared_layers: [0],
  is_causal: [true],
  use_bidirectional_attention: [false],
};

/** The non-linearity as nodes. */
export function activate(graph: GraphBuilder, kind: Activation, x: Wire): Wire {
  switch (kind) {
    case 'gelu':
      return graph.op('Gelu', [x], { approximate: 'none' });
    case 'gelu_tanh':
      return graph.op('Gelu', [x], { approximate: 'tanh' });
    case 'relu':
      return graph.op('Relu', [x]);
    case 'silu':
      return graph.op('Mul', [x, graph.op('Sigmoid', [x])]);
  }
}

/** Numbers 0 … length − 1 of the positions of `tokens` [batch, length], as int64. */
export function positions(graph: GraphBuilder, tokens: Wire): Wire {
  const length = graph.op('Squeeze', [graph.op('Gather', [graph.op('Shape', [tokens]), graph.integers(1)])]);
  const at = (n: number): Wire => graph.constant(BigInt64Array.of(BigInt(n)), []);
  return graph.op('Range', [at(0), length, at(1)]);
}
