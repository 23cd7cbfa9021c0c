import type { Activation, ModelConfig } from './architecture.ts';

/**
 * What a transformer is made of, as data: names of weights (without the architecture's prefix) and choices.
 * `transformer` makes an `Architecture` of it.
 */
export interface TransformerPlan {
  readonly config: ModelConfig;
  /** Prefixes that tensor names may carry; the first that fits is cut off. */
  readonly prefixes: readonly string[];
  /** Other names of tensors, without prefix. */
  readonly renamed?: Readonly<Record<string, string>>;
  /** Tensors of the file that do not take part in the computation. */
  readonly ignored?: RegExp;
  readonly embedding: EmbeddingPlan;
  block(layer: number): BlockPlan;
  /** Norm of the stream after the last block. */
  readonly finalNorm: NormPlan | null;
  /** What makes logits of the stream; null for a model without. */
  readonly head: HeadPlan | null;
}

/** A matrix `NAME.weight`, with its bias `NAME.bias`. */
export interface LinearPlan {
  readonly name: string;
  /** `out_in`: a Linear's; `in_out`: a Conv1D's. */
  readonly layout: 'in_out' | 'out_in';
  /**
   * `false`: one in the file takes no part, which is an error; `ignored`: config.json says that there is none, so that
   * one in the file is passed over, and a line says so; `found`: where the file has one.
   */
  readonly bias: boolean | 'ignored' | 'found';
}

export interface NormPlan {
  readonly name: string;
  readonly kind: 'layernorm' | 'rmsnorm';
  readonly epsilon: number;
  /** Of a LayerNorm; default true. */
  readonly bias?: boolean;
  /** The factor is 1 + the weight (Gemma). */
  readonly plusOne?: boolean;
}

export interface EmbeddingPlan {
  /** The matrix of the vocabulary, [vocabulary, width]. */
  readonly tokens: string;
  /** The matrix is of this width, and made as wide as the stream by another. */
  readonly project?: { readonly matrix: LinearPlan; readonly width: number };
  /** Multiplier of the tokens' rows. */
  readonly scale?: number;
  /**
   * Learned positions: a matrix of `rows` rows, position 0 in row `offset` (default 0). With `uncounted`, the id of
   * padding p, positions count the other tokens, from row p + 1 on, and padding in the text has row p (RoBERTa).
   */
  readonly positions?: {
    readonly name: string;
    readonly rows: number;
    readonly offset?: number;
    readonly uncounted?: number;
  };
  /** Segments: a matrix of `rows` rows, of which the first is added everywhere. */
  readonly segments?: { readonly name: string; readonly rows: number };
  /** Norm of the sum. */
  readonly norm?: NormPlan;
}

export interface BlockPlan {
  /**
   * `pre`: attention, then the MLP, each reads the stream (through its norm) and adds to it.
   * `parallel`: both read the stream before the block; there is no `hook_resid_mid`.
   * `post`: the MLP's norm and `streamNorm` are of the stream itself, which goes on normed (BERT).
   */
  readonly order: 'pre' | 'parallel' | 'post';
  readonly attentionNorm: NormPlan | null;
  readonly attention: AttentionPlan;
  /** What befalls attention's output before it is added. */
  readonly attentionOut?: BranchPlan;
  readonly mlp: MlpPlan;
  /** What befalls the MLP's output before it is added. */
  readonly mlpOut?: BranchPlan;
  /** Norm of the stream after the block; order `post`. */
  readonly streamNorm?: NormPlan;
}

export interface BranchPlan {
  readonly norm?: NormPlan;
  /** Name of a vector that multiplies (LayerScale). */
  readonly factor?: string;
}

export interface AttentionPlan {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /**
   * Three matrices; or one, in `blocks` (all queries, all keys, all values) or in `groups` (for each key-value head its
   * queries, its key, its value).
   */
  readonly qkv:
    | { readonly q: LinearPlan; readonly k: LinearPlan; readonly v: LinearPlan }
    | { readonly all: LinearPlan; readonly order: 'blocks' | 'groups' };
  readonly out: LinearPlan;
  /** Multiplier of the scores. */
  readonly scale: number;
  readonly causal: boolean;
  /** A position sees those less than this far from it; default all. */
  readonly window?: number | null;
  /** c · tanh(score / c) takes the scores' place. */
  readonly softCap?: number | null;
  readonly rotary?: Rotary | null;
  /**
   * Norms of queries and keys, before the rotation: over a head, with the same weights for all or with those of
   * `NAME.0`, `NAME.1`, … for each head; or over all heads together.
   */
  readonly norms?: {
    readonly q: NormPlan;
    readonly k: NormPlan;
    readonly over: 'head' | 'each head' | 'all';
  };
  readonly relative?: RelativeBias;
}

/** Numbers added to the scores by how far the key stands from the query: those of a bucket of distances. */
export interface RelativeBias {
  /** A matrix [buckets, heads]. */
  readonly name: string;
  readonly buckets: number;
  /** The bucket of key − query. */
  bucket(distance: number): number;
  /** Distances that there may be, to each side. */
  readonly longest: number;
}

/** Rotary positions; dimensions of a head past twice the number of frequencies are left as they are. */
export interface Rotary {
  /** Radians a position, one for each pair of dimensions. */
  readonly frequencies: Float64Array;
  /** Multiplier of cosines and sines. */
  readonly factor: number;
  /** Pairs are neighbours (GPT-J), else dimension i goes with i + half (GPT-NeoX, Llama). */
  readonly interleaved: boolean;
}

export interface MlpPlan {
  /** The norm that makes the MLP's input; null where it reads the stream as it is. */
  readonly norm: NormPlan | null;
  /** Matrices of the neurons: one; gate and up; or gate's rows and then up's as one matrix. */
  readonly neurons:
    | { readonly up: LinearPlan }
    | { readonly gate: LinearPlan; readonly up: LinearPlan }
    | { readonly gateUp: LinearPlan };
  readonly out: LinearPlan;
  readonly activation: Activation;
  /** Neurons. */
  readonly width: number;
  /** A mixture of experts takes the place of the matrices above. */
  readonly experts?: ExpertsPlan;
}

/** The matrices of a gated MLP. */
export interface GatedPlan {
  readonly gate: LinearPlan;
  readonly up: LinearPlan;
  readonly out: LinearPlan;
}

/** Gated MLPs, of which a router takes some at each position. */
export interface ExpertsPlan {
  readonly count: number;
  /** Neurons of one expert. */
  readonly width: number;
  expert(index: number): GatedPlan;
  /** Its softmax is the experts' weights. */
  readonly router: LinearPlan;
  /** How many are taken: those of the largest weights. */
  readonly chosen: number;
  /** Weights of those that are taken are made to sum to 1. */
  readonly normalized: boolean;
  /** One more, taken everywhere; its weight is the sigmoid of `share`. */
  readonly shared?: GatedPlan & { readonly width: number; readonly share: LinearPlan };
}

export interface HeadPlan {
  /** The output matrix is `NAME.weight`, [vocabulary, width]. */
  readonly name: string;
  /**
   * Where the file has no output matrix the embedding takes its place, and the other way round. `unsaid`: so it is, too,
   * and a line says so.
   */
  readonly tied: boolean | 'unsaid';
  /** Whether there is one, `NAME.bias`; or the names that it may go by: the first that the file has counts. */
  readonly bias?: boolean | readonly string[];
  /** The stream is brought to this width, that of the output matrix, by another. */
  readonly project?: { readonly matrix: LinearPlan; readonly width: number };
  /** What is made of the stream first. Such a head is optional: a file without one is of a model without logits. */
  readonly transform?: {
    readonly linear: LinearPlan;
    readonly activation: Activation;
    readonly norm: NormPlan;
  };
  /** Multiplier of the logits. */
  readonly scale?: number;
  /** c · tanh(logit / c) takes the logits' place. */
  readonly softCap?: number | null;
}

/** A Linear's matrix, [out, in]. */
export function linear(name: string, bias: LinearPlan['bias'] = false): LinearPlan {
  return { name, layout: 'out_in', bias };
}

/** A Conv1D's matrix, [in, out]. */
export function conv1d(name: string, bias: LinearPlan['bias'] = true): LinearPlan {
  return { name, layout: 'in_out', bias };
}

/** The bias of matrices that config.json says to have one or none. */
export function biasBy(flag: boolean): LinearPlan['bias'] {
  return flag ? true : 'ignored';
}
