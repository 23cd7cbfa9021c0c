import { PolysemeError } from '../errors.ts';
import { type GateActivation, gateActivations } from './gate-activation.ts';
import { checkCentre, countRows, neuronEmbeddings } from './neuron.ts';

/** Which vector weights the input of a gated unit: the activation's gradient, the gate's or the up projection's. */
export type GatedMode = 'gradient' | 'gate' | 'up';

export interface GatedEmbeddingOptions {
  /** n input vectors h, n × d row-major. */
  inputs: Float32Array;
  /** The unit's gate weights g, d values. */
  gate: Float32Array;
  /** The unit's up weights u, d values. */
  up: Float32Array;
  /** Bias of the gate, default 0. */
  gateBias?: number;
  /** Bias of the up projection, default 0. */
  upBias?: number;
  /** The MLP's activation: `gelu` is the exact one (erf), `gelu_tanh` its tanh approximation. */
  activation: GateActivation;
  /** `gradient` (default): h ⊙ ∂a/∂h; `gate`: h ⊙ g; `up`: h ⊙ u. */
  mode?: GatedMode;
  /** μ, the mean of h over the corpus, d values: h − μ takes the place of h outside the derivative. Default none. */
  centre?: Float32Array;
}

/**
 * Neuron embeddings of a unit of a gated MLP, a = act(g·h + b_g) · (u·h + b_u):
 * h ⊙ ∂a/∂h = h ⊙ (act′(g·h + b_g)(u·h + b_u) g + act(g·h + b_g) u), dot products in double precision.
 * With a centre (h − μ) ⊙ ∂a/∂h, the derivative still at h.
 * @returns n × d, row-major
 * @throws PolysemeError when the sizes do not fit, or the activation or mode is unknown
 * @example
 * const [gate, up] = [Float32Array.of(1, 0), Float32Array.of(0, 1)];
 * gatedNeuronEmbeddings({ inputs: Float32Array.of(2, 3), gate, up, activation: 'relu' }); // [6, 6]
 */
export function gatedNeuronEmbeddings(options: GatedEmbeddingOptions): Float32Array {
  const { inputs, gate, up, gateBias = 0, upBias = 0, activation, mode = 'gradient', centre } = options;
  const d = gate.length;
  const n = countRows('gatedNeuronEmbeddings', inputs, d, 'gate');
  if (up.length !== d) {
    throw new PolysemeError(
      `gatedNeuronEmbeddings: up holds ${up.length} values, gate ${d}; they must be equal`,
    );
  }
  const act = gateActivations[activation];
  if (!act) {
    throw new PolysemeError(
      `gatedNeuronEmbeddings: unknown activation '${activation}' (known: ${Object.keys(gateActivations).join(', ')})`,
    );
  }
  if (mode === 'gate') return neuronEmbeddings({ inputs, weights: gate, centre });
  if (mode === 'up') return neuronEmbeddings({ inputs, weights: up, centre });
  if (mode !== 'gradient') {
    throw new PolysemeError(`gatedNeuronEmbeddings: unknown mode '${mode}' (known: gradient, gate, up)`);
  }
  checkCentre('gatedNeuronEmbeddings', centre, d, 'gate');
  const rows = new Float32Array(inputs.length);
  for (let start = 0; start < n * d; start += d) {
    let preGate = gateBias;
    let preUp = upBias;
    for (let k = 0; k < d; k++) {
      const h = inputs[start + k]!;
      preGate += h * gate[k]!;
      preUp += h * up[k]!;
    }
    const { value, slope } = act(preGate);
    const perGate = slope * preUp;
    for (let k = 0; k < d; k++) {
      const h = inputs[start + k]! - (centre?.[k] ?? 0);
      rows[start + k] = h * (perGate * gate[k]! + value * up[k]!);
    }
  }
  return rows;
}
