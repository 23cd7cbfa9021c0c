import type { GatedMode } from '../embed/gated.ts';
import { gatedNeuronEmbeddings } from '../embed/gated.ts';
import { neuronEmbeddings } from '../embed/neuron.ts';
import type { GraphEdit } from '../model/compile.ts';

/** How a bank's neuron embeddings follow from a unit's input h and its weights. */
export type Embedding =
  /** e = h ⊙ w; the weights of a unit are its w. */
  | { readonly kind: 'linear' }
  /** e = h ⊙ ∂a/∂h of a gated MLP (or one factor of it); the weights of a unit are gate, up, and their biases. */
  | {
      readonly kind: 'gated';
      readonly activation: 'gelu' | 'gelu_tanh' | 'relu' | 'silu';
      readonly mode: GatedMode;
    };

/** All units of one MLP layer or of one SAE. Everything after the model works on banks alone. */
export interface Bank {
  /** `mlp.3`, `sae/NAME` */
  readonly name: string;
  readonly kind: 'mlp' | 'sae';
  /** The place in the model that the units read. */
  readonly site: string;
  /** Where their input h is tapped: the site, or what an SAE's encoder makes of it. */
  readonly inputs: string;
  /** Where their activations a are tapped. */
  readonly activations: string;
  readonly units: number;
  /** Dimension d of h. */
  readonly width: number;
  readonly embedding: Embedding;
  /** Nodes that must be added to the model's graph for the two taps. */
  readonly edits: readonly GraphEdit[];
  /** Every unit's weights, a row of `weightsWidth(bank)` a unit, in shared memory. */
  weights(): Promise<Float32Array>;
}

/** Numbers in one unit's row of weights. */
export function weightsWidth({ embedding, width }: Pick<Bank, 'embedding' | 'width'>): number {
  return embedding.kind === 'linear' ? width : 2 * width + 2;
}

/**
 * The neuron embeddings of one unit's examples.
 * @param inputs n×d, row-major; `weights`: the unit's row
 */
export function unitEmbeddings(
  embedding: Embedding,
  inputs: Float32Array,
  weights: Float32Array,
): Float32Array {
  if (embedding.kind === 'linear') return neuronEmbeddings({ inputs, weights });
  const width = (weights.length - 2) / 2;
  return gatedNeuronEmbeddings({
    inputs,
    gate: weights.subarray(0, width),
    up: weights.subarray(width, 2 * width),
    gateBias: weights[2 * width]!,
    upBias: weights[2 * width + 1]!,
    activation: embedding.activation,
    mode: embedding.mode,
  });
}
