import type { GraphBuilder, GraphOptions, Wire } from '../../onnx/graph.ts';
import type { TensorRef } from '../../tensors/safetensors.ts';

/**
 * What an MLP's non-linearity computes; `gelu` is the exact erf form, `gelu_tanh` GPT-2's approximation, `quick_gelu`
 * CLIP's, x · sigmoid(1.702 x).
 */
export type Activation = 'gelu' | 'gelu_tanh' | 'quick_gelu' | 'relu' | 'silu';

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
  /** c, where c · tanh(logit / c) takes the logits' place. */
  readonly logitCap?: number | null;
  /** Whether a position sees those after it; its values then depend on the whole context. */
  readonly bidirectional: boolean;
  /** Of a model that reads images, what it makes of them; its positions are those of an image. */
  readonly image?: ImageInput;
}

/** What a model of images reads. Its positions: those of the whole image, registers, then patches row by row. */
export interface ImageInput {
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
  /** Pixels of a patch's side; null: one position, the image (a plain MLP). */
  readonly patch: number | null;
  /** First positions that stand for the whole image: CLS and a distillation token. */
  readonly whole: number;
  /** Positions after them that stand for nothing. */
  readonly registers: number;
  /** Whether images of other sizes may be read, with learned positions interpolated. */
  readonly anySize: boolean;
  /** Names of the classes that `logits` are of; null without such a head. */
  readonly classes: readonly string[] | null;
  /** What is done to pixels; a name: what `preprocessor_config.json` says, with this processor's defaults. */
  readonly pixels:
    | { readonly rescale: number; readonly mean: readonly number[]; readonly std: readonly number[] }
    | string;
}

/** Positions of an image of a size. */
export function imagePositions(
  { patch, whole, registers }: ImageInput,
  { height, width }: { readonly height: number; readonly width: number },
): number {
  return patch === null ? 1 : whole + registers + Math.floor(height / patch) * Math.floor(width / patch);
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
  /** What makes the MLP's output of the activations; null where it is not known. */
  readonly out: OutputMatrix | null;
  /** Where every expert's neurons lie, in order; `up` and `gate` are the first's. */
  readonly experts?: readonly Pick<MlpNames, 'up' | 'gate' | 'out'>[];
  /** Neurons of the expert that is taken everywhere: bank `mlp.L.shared`. */
  readonly shared?: Pick<MlpNames, 'units' | 'up' | 'gate' | 'out'>;
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

/** A matrix from all neurons to what they give. */
export interface OutputMatrix extends Omit<NeuronMatrix, 'first'> {
  /** The site of its product; default `mlp.hook_out` of the block, where there is one, else `hook_mlp_out`. */
  readonly site?: string;
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
  /** Other names of tensors, without prefix, that some versions of transformers write. */
  readonly renamed?: Readonly<Record<string, string>>;
  /** Tensors that do not take part in the computation. */
  readonly ignored: RegExp;
  /** How its graph is built, where it is not one of ours. */
  readonly graph?: GraphOptions;
  /** Where the neurons of a layer's MLP lie. */
  mlp(layer: number, weights: Pick<Weights, 'has'>): MlpNames;
  /** Emits the whole model; returns nothing: every value of interest is a site. */
  build(graph: GraphBuilder, weights: Weights, site: MarkSite): void;
}
