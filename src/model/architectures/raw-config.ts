import { PolysemeError } from '../../errors.ts';
import type { Activation } from './architecture.ts';

const SIZE_LIMIT = 1 << 24;

/** config.json with typed, checked access. */
export class RawConfig {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #where: string;
  /** Keys that were asked for: `refuse` leaves them alone. */
  readonly #read: Set<string>;

  constructor(values: Readonly<Record<string, unknown>>, where: string, read = new Set<string>()) {
    this.#values = values;
    this.#where = where;
    this.#read = read;
  }

  /** A key's value as it is; undefined where it is absent or null. */
  value(key: string): unknown {
    this.#read.add(key);
    return this.#values[key] ?? undefined;
  }

  /** The same config with these values where a key is absent: what transformers has by default. */
  withDefaults(defaults: Readonly<Record<string, unknown>>): RawConfig {
    return new RawConfig({ ...defaults, ...this.#values }, this.#where, this.#read);
  }

  /** The same config with these values instead of its own. */
  over(values: Readonly<Record<string, unknown>>): RawConfig {
    return new RawConfig({ ...this.#values, ...values }, this.#where, this.#read);
  }

  /** The config of a part of the model. */
  part(key: string): RawConfig {
    const value = this.value(key);
    if (typeof value !== 'object' || Array.isArray(value)) {
      throw this.error(`${key} must be an object, not ${JSON.stringify(value)}`);
    }
    return new RawConfig(value as Record<string, unknown>, `${this.#where}, ${key}`);
  }

  /** A whole number from 1 to 2^24, of the first key that is there. */
  size(keys: string | readonly string[], fallback?: number): number {
    const [key, value = fallback] = this.#first(keys);
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > SIZE_LIMIT) {
      throw this.error(`${key} must be a whole number from 1 to ${SIZE_LIMIT}, not ${JSON.stringify(value)}`);
    }
    return value;
  }

  /** The same, or null where the key is absent or null. */
  optionalSize(key: string): number | null {
    return this.value(key) === undefined ? null : this.size(key);
  }

  /** A whole number from 0 on. */
  count(key: string): number {
    return this.value(key) === 0 ? 0 : this.size(key);
  }

  /** A positive finite number, of the first key that is there. */
  positive(keys: string | readonly string[], fallback?: number): number {
    const [key, value = fallback] = this.#first(keys);
    if (typeof value !== 'number' || !(value > 0) || !Number.isFinite(value)) {
      throw this.error(`${key} must be a positive number, not ${JSON.stringify(value)}`);
    }
    return value;
  }

  /** The same, or null where the key is absent or null. */
  optionalPositive(key: string): number | null {
    return this.value(key) === undefined ? null : this.positive(key);
  }

  /** Whether the output matrix is the embedding; `unsaid` where neither config nor family says so. */
  tied(): boolean | 'unsaid' {
    return this.value('tie_word_embeddings') === undefined
      ? 'unsaid'
      : this.flag('tie_word_embeddings', false);
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.value(key) ?? fallback;
    if (typeof value !== 'boolean')
      throw this.error(`${key} must be true or false, not ${JSON.stringify(value)}`);
    return value;
  }

  activation(key: string, fallback: string): Activation {
    const value = this.value(key) ?? fallback;
    const known =
      typeof value === 'string' && Object.hasOwn(ACTIVATIONS, value) ? ACTIVATIONS[value] : undefined;
    if (known === undefined) {
      throw this.error(
        `${key} ${JSON.stringify(value)} is not supported (known: ${Object.keys(ACTIVATIONS).join(', ')})`,
      );
    }
    return known;
  }

  /**
   * Refuses keys whose values change the computation in a way that the graph does not follow: those of this table and
   * of the one that holds for all, unless the key was read before.
   */
  refuse(allowed: Readonly<Record<string, readonly unknown[]>> = {}): void {
    for (const [key, values] of Object.entries({ ...ALLOWED_EVERYWHERE, ...allowed })) {
      const value = this.#values[key];
      if (value === undefined || value === null || this.#read.has(key)) continue;
      if (values.some((ok) => JSON.stringify(ok) === JSON.stringify(value))) continue;
      throw this.error(
        `${key} = ${JSON.stringify(value)} changes the computation and is not supported` +
          (values.length > 0 ? ` (only ${values.map((v) => JSON.stringify(v)).join(', ')})` : ''),
      );
    }
  }

  /** Dimensions of each of `heads` heads that share `width` evenly. */
  headDim(width: number, heads: number): number {
    if (width % heads !== 0) throw this.error(`width ${width} is not a multiple of ${heads} attention heads`);
    return width / heads;
  }

  /** Key-value heads, each of which serves as many of the `heads`. */
  kvHeads(heads: number, key = 'num_key_value_heads'): number {
    const kvHeads = this.size(key, heads);
    if (heads % kvHeads !== 0) {
      throw this.error(`num_attention_heads ${heads} is not a multiple of ${key} ${kvHeads}`);
    }
    return kvHeads;
  }

  /** The first key that is there, else the first of all, and its value. */
  #first(keys: string | readonly string[]): [key: string, value: unknown] {
    const list = typeof keys === 'string' ? [keys] : keys;
    const values = list.map((key) => this.value(key));
    const at = Math.max(
      0,
      values.findIndex((value) => value !== undefined),
    );
    return [list[at]!, values[at]];
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
  quick_gelu: 'quick_gelu',
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
  rope_local_base_freq: [],
  attn_temperature_tuning: [false],
  cross_attention_layers: [[]],
  use_bidirectional_attention: [false],
};
