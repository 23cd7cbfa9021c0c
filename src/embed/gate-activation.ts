/** Activations of MLPs: `gelu` with erf, `gelu_tanh` its tanh approximation, `quick_gelu` x · sigmoid(1.702 x). */
export type GateActivation = 'silu' | 'gelu' | 'gelu_tanh' | 'quick_gelu' | 'relu';

/** An activation at one point, and its derivative there. */
export interface ValueAndSlope {
  value: number;
  slope: number;
}

/** Each activation with its derivative, accurate in the far tails too. */
export const gateActivations: Readonly<Record<GateActivation, (x: number) => ValueAndSlope>> = {
  silu(x) {
    const gate = sigmoid(x);
    return { value: x * gate, slope: gate * (1 + x * sigmoid(-x)) };
  },
  gelu(x) {
    const cumulative = normalCumulative(x);
    return {
      value: x * cumulative,
      slope: cumulative + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI),
    };
  },
  gelu_tanh(x) {
    // 0.5 (1 + tanh z) = sigmoid(2z)
    const scale = 2 * Math.sqrt(2 / Math.PI);
    const twice = scale * (x + 0.044715 * x ** 3);
    const gate = sigmoid(twice);
    return { value: x * gate, slope: gate * (1 + x * sigmoid(-twice) * scale * (1 + 3 * 0.044715 * x * x)) };
  },
  quick_gelu(x) {
    const gate = sigmoid(1.702 * x);
    return { value: x * gate, slope: gate * (1 + 1.702 * x * sigmoid(-1.702 * x)) };
  },
  relu(x) {
    return x > 0 ? { value: x, slope: 1 } : { value: 0, slope: 0 };
  },
};

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** Φ(x), the standard normal distribution function, to about 1e-14 relative. */
export function normalCumulative(x: number): number {
  const tail = 0.5 * complementaryError(Math.abs(x) / Math.SQRT2);
  return x < 0 ? tail : 1 - tail;
}

/** erfc(x) for x ≥ 0: the all-positive series of erf (Abramowitz & Stegun 7.1.6), from 2 on the fraction 7.1.14. */
function complementaryError(x: number): number {
  const factor = Math.exp(-x * x) / Math.sqrt(Math.PI);
  if (x < 2) {
    let term = 2 * x;
    let sum = term;
    for (let k = 1; term > sum * 1e-17; k++) {
      term *= (2 * x * x) / (2 * k + 1);
      sum += term;
    }
    return 1 - factor * sum;
  }
  let fraction = x;
  for (let k = 120; k > 0; k--) fraction = x + k / 2 / fraction;
  return factor / fraction;
}
