import type { GraphBuilder, GraphOptions, Wire } from '../../onnx/graph.ts';
import type { TensorRef } from '../../tensors/safetensors.ts';

/** What an MLP's non-linearity computes; `gelu` is the exact erf form, `gelu_tanh` GPT-2's approximation. */
export type Activation = 'gelu' | 'gelu_tanh' | 'relu' | 'silu';

/** What every architecture's config.json is read into. */
export interface ModelConfig {
  /** The `model_type`. */
  readonly architecture: string;
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
  /** The norm before the logits. */
  readonly norm: { readonly kind: 'layernorm' | 'rmsnorm'; readonly epsilon: number };
  readonly activation: Activation;
  /** Whether the MLP is gated: activation(gate·h)·(up·h). */
  readonly gated: boolean;
  /** Whether positions enter by rotation alone, so that the first residual is the embedding. */
  readonly rotary: boolean;
  /** Whether a position sees those after it; its values then depend on the whole context. */
  readonly bidirectional: boolean;
}

/** Where the weights of an MLP's neurons lie. */
export interface MlpNames {
  /** Of the MLP's input. */
  readonly width: number;
  /** Neurons of the layer; of one expert, where it has experts. */
  readonly units: number;
  readonly activation: Activation;
  readonly up: NeuronMatrix;
  readonly gate: NeuronMatrix | null;
  /** Where every expert's neurons lie, in order; `up` and `gate` are the first's. */
  readonly experts?: readonly { readonly up: NeuronMatrix; readonly gate: NeuronMatrix }[];
  /** Neurons of the expert that is taken everywhere: bank `mlp.L.shared`. */
  readonly shared?: Pick<MlpNames, 'units' | 'up' | 'gate'>;
  /** The norm that makes the MLP's input; null where it reads the stream as it is. */
  readonly norm: {
    readonly weight: string;
    readonly bias: string | null;
    /** Whether it takes the mean away (LayerNorm). */
    readonly centred: boolean;
    /** Whether the factor is 1 + the weight. */
    readonly plusOne: boolean;
  } | null;
}

/** Weights of the neurons: some rows (`out_in`) or columns (`in_out`) of a matrix, from the `first` on. */
export interface NeuronMatrix {
  readonly weight: string;
  readonly bias: string | null;
  readonly layout: 'in_out' | 'out_in';
  readonly first: number;
}

/** Where the builder finds a tensor, by its name without prefix. */
export interface Weights {
  has(name: string): boolean;
  /** Errors when the tensor is missing or has another shape. */
  ref(name: string, shape: readonly number[]): TensorRef;
  /** Passes over a tensor that config.json rules out; the user is told. */
  ignore(name: string): void;
  /** What the user should know. */
  note(line: string): void;
}

/** Marks a value as a site: it becomes tappable, and may be replaced by another. */
export type MarkSite = (site: string, wire: Wire, width: number) => Wire;

/** A model as its config.json describes it. */
export interface Architecture {
  readonly config: ModelConfig;
  /** Prefixes that tensor names may carry, e.g. `transformer.`; the first that fits is cut off. */
  readonly prefixes: readonly string[];
  /** Tensors that do not take part in the computation. */
  readonly ignored: RegExp;
  /** How its graph is built, where it is not one of ours. */
  readonly graph?: GraphOptions;
  /** Where the neurons of a layer's MLP lie. */
  mlp(layer: number, weights: Pick<Weights, 'has'>): MlpNames;
  /** Emits the whole model; returns nothing: every value of interest is a site. */
  build(graph: GraphBuilder, weights: Weights, site: MarkSite): void;
}
