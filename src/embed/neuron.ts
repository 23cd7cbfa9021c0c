import { PolysemeError } from '../errors.ts';

/**
 * Neuron embeddings e = h ⊙ w ("Tackling Polysemanticity with Neuron Embeddings", Foote 2024, §3).
 * The sum of a row is the unit's pre-activation less its bias.
 * @param inputs n input vectors h, n × d row-major
 * @param weights the unit's input weights w, d values
 * @returns n × d, row-major
 * @throws PolysemeError when `inputs` is not a whole number of vectors of the weights' length
 * @example
 * const rows = neuronEmbeddings({ inputs: Float32Array.of(1, 2, 3, 4), weights: Float32Array.of(1, -1) });
 * console.log([...rows]); // [1, -2, 3, -4]
 */
export function neuronEmbeddings({
  inputs,
  weights,
}: {
  inputs: Float32Array;
  weights: Float32Array;
}): Float32Array {
  const d = weights.length;
  const n = countRows('neuronEmbeddings', inputs, d, 'weights');
  const rows = new Float32Array(inputs.length);
  for (let row = 0, at = 0; row < n; row++) {
    for (let k = 0; k < d; k++, at++) rows[at] = inputs[at]! * weights[k]!;
  }
  return rows;
}

/** The number of vectors of width `d` in `inputs`; `weightsName` names the argument that set the width. */
export function countRows(caller: string, inputs: Float32Array, d: number, weightsName: string): number {
  if (d === 0) throw new PolysemeError(`${caller}: ${weightsName} is empty (0 values)`);
  if (inputs.length % d !== 0) {
    throw new PolysemeError(
      `${caller}: inputs holds ${inputs.length} values, which is no multiple of the ${d} of ${weightsName}`,
    );
  }
  return inputs.length / d;
}
