import type { GateActivation } from '../embed/gate-activation.ts';
import { type GatedMode, gatedNeuronEmbeddings } from '../embed/gated.ts';
import { neuronEmbeddings } from '../embed/neuron.ts';
import type { RowSource } from '../embed/row-source.ts';

/** How a bank's neuron embeddings follow from a unit's input h and its row of weights. */
export type Embedding =
  /** e = h ⊙ w; a unit's row of weights is its w: d values. */
  | { readonly kind: 'linear' }
  /** e = h ⊙ ∂a/∂h of a gated MLP (or one factor of it); a row is gate, up, and their two biases: 2d + 2 values. */
  | {
      readonly kind: 'gated';
      readonly activation: GateActivation;
      readonly mode: GatedMode;
    };

/** Numbers in one unit's row of weights. */
export function weightsWidth({
  embedding,
  width,
}: {
  readonly embedding: Embedding;
  readonly width: number;
}): number {
  return embedding.kind === 'linear' ? width : 2 * width + 2;
}

/**
 * The neuron embeddings of one unit's examples, of any kind of bank.
 * @param inputs n × d, row-major
 * @param weights the unit's row: what `embedding` says
 * @param centre μ, the mean of h over the corpus, d values: h − μ takes the place of h
 * @returns n × d, row-major
 * @throws PolysemeError when the sizes do not fit
 * @example
 * const embedding = { kind: 'linear' as const };
 * console.log([...unitEmbeddings(embedding, Float32Array.of(1, 2), Float32Array.of(3, 4))]); // [3, 8]
 */
export function unitEmbeddings(
  embedding: Embedding,
  inputs: Float32Array,
  weights: Float32Array,
  centre?: Float32Array,
): Float32Array {
  if (embedding.kind === 'linear') return neuronEmbeddings({ inputs, weights, centre });
  const width = (weights.length - 2) / 2;
  return gatedNeuronEmbeddings({
    inputs,
    gate: weights.subarray(0, width),
    up: weights.subarray(width, 2 * width),
    gateBias: weights[2 * width]!,
    upBias: weights[2 * width + 1]!,
    activation: embedding.activation,
    mode: embedding.mode,
    centre,
  });
}

/** The same embeddings as `cosineDistances` and `nullDistance` take them: those of a linear bank are computed there. */
export function embeddingRows(
  embedding: Embedding,
  inputs: Float32Array,
  weights: Float32Array,
  centre?: Float32Array,
): RowSource {
  if (embedding.kind === 'linear') return { rows: inputs, weights, ...(centre && { centre }) };
  return { rows: unitEmbeddings(embedding, inputs, weights, centre) };
}
