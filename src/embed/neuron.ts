import { PolysemeError } from '../errors.ts';

/**
 * Neuron embeddings e = h ⊙ w, or (h − μ) ⊙ w where a centre μ is given ("Tackling Polysemanticity with Neuron Embeddings", Foote 2024, §3).
 * Without a centre the sum of a row is the unit's pre-activation less its bias. In double precision, rounded once.
 * @param inputs n input vectors h, n × d row-major: for folded weights the folded h, for a latent of an SAE what its
 *   encoder sees
 * @param weights the unit's input weights w, d values
 * @param centre μ, the mean of those h over the corpus, d values; default none
 * @returns n × d, row-major
 * @throws PolysemeError when `inputs` is not a whole number of vectors of the weights' length
 * @example
 * const rows = neuronEmbeddings({ inputs: Float32Array.of(1, 2, 3, 4), weights: Float32Array.of(1, -1) });
 * console.log([...rows]); // [1, -2, 3, -4]
 */
export function neuronEmbeddings({
  inputs,
  weights,
  centre,
}: {
  inputs: Float32Array;
  weights: Float32Array;
  centre?: Float32Array;
}): Float32Array {
  const d = weights.length;
  const n = countRows('neuronEmbeddings', inputs, d, 'weights');
  checkCentre('neuronEmbeddings', centre, d, 'weights');
  const rows = new Float32Array(inputs.length);
  if (centre !== undefined) {
    for (let row = 0, at = 0; row < n; row++) {
      for (let k = 0; k < d; k++, at++) rows[at] = (inputs[at]! - centre[k]!) * weights[k]!;
    }
    return rows;
  }
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

/** Throws unless the centre, where there is one, has `d` values. */
export function checkCentre(
  caller: string,
  centre: Float32Array | undefined,
  d: number,
  weightsName: string,
): void {
  if (centre !== undefined && centre.length !== d) {
    throw new PolysemeError(
      `${caller}: centre holds ${centre.length} values, ${weightsName} ${d}; they must be equal`,
    );
  }
}
