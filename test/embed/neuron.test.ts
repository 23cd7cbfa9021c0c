import { describe, expect, test } from 'vitest';
import { gateActivations } from '../../src/embed/gate-activation.ts';
import { gatedNeuronEmbeddings } from '../../src/embed/gated.ts';
import { neuronEmbeddings } from '../../src/embed/neuron.ts';

/** Numbers in [−1, 1) from a linear congruential generator. */
function numbers(seed: number) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

/** erf by its Maclaurin series, for |x| < 4. */
function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let k = 1; k < 120; k++) {
    term *= (-x * x) / k;
    sum += term / (2 * k + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const plain = {
  silu: (x: number) => x / (1 + Math.exp(-x)),
  gelu: (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  gelu_tanh: (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  relu: (x: number) => Math.max(0, x),
};

describe('neuronEmbeddings', () => {
  test('multiplies each input by the weights', () => {
    const inputs = Float32Array.of(1, 2, 3, -1, 0, 0.5);
    expect([...neuronEmbeddings({ inputs, weights: Float32Array.of(2, -1, 4) })]).toEqual([
      2, -2, 12, -2, -0, 2,
    ]);
  });
  test('takes no inputs', () => {
    expect(neuronEmbeddings({ inputs: new Float32Array(0), weights: new Float32Array(3) })).toHaveLength(0);
  });
  test('names the argument and its size', () => {
    const inputs = new Float32Array(7);
    expect(() => neuronEmbeddings({ inputs, weights: new Float32Array(3) })).toThrow(
      'inputs holds 7 values, which is no multiple of the 3 of weights',
    );
    expect(() => neuronEmbeddings({ inputs, weights: new Float32Array(0) })).toThrow('weights is empty');
  });
});

describe('gatedNeuronEmbeddings', () => {
  const d = 19;
  const next = numbers(3);
  const vector = (scale: number, length = d) => Float32Array.from({ length }, () => scale * next());

  test.each(['silu', 'gelu', 'gelu_tanh', 'relu'] as const)(
    '%s: is h ⊙ ∂a/∂h by finite differences',
    (name) => {
      const gate = vector(1);
      const up = vector(1);
      const [gateBias, upBias] = [0.3, -0.2];
      const n = 12;
      const inputs = vector(1, n * d);
      const rows = gatedNeuronEmbeddings({ inputs, gate, up, gateBias, upBias, activation: name });
      const activation = (h: Float64Array) => {
        const dot = (w: Float32Array, bias: number) => w.reduce((sum, value, k) => sum + value * h[k]!, bias);
        return plain[name](dot(gate, gateBias)) * dot(up, upBias);
      };
      for (let row = 0; row < n; row++) {
        const h = new Float64Array(inputs.subarray(row * d, (row + 1) * d));
        for (let k = 0; k < d; k++) {
          const step = 1e-5;
          const at = h[k]!;
          h[k] = at + step;
          const above = activation(h);
          h[k] = at - step;
          const below = activation(h);
          h[k] = at;
          expect(rows[row * d + k]).toBeCloseTo((at * (above - below)) / (2 * step), 5);
        }
      }
    },
  );

  test.each(['silu', 'gelu', 'gelu_tanh', 'relu'] as const)(
    '%s: value and slope of the activation',
    (name) => {
      for (let x = -5.03; x < 5; x += 0.1) {
        const { value, slope } = gateActivations[name](x);
        expect(value).toBeCloseTo(plain[name](x), 10);
        expect(slope).toBeCloseTo((plain[name](x + 1e-4) - plain[name](x - 1e-4)) / 2e-4, 6);
      }
    },
  );

  test('gelu keeps its digits in the far tail', () => {
    // Φ(−10) = 7.61985302416e-24
    expect(gateActivations.gelu(-10).value / -7.61985302416e-23).toBeCloseTo(1, 11);
    expect(gateActivations.gelu(10).slope).toBeCloseTo(1, 12);
    expect(gateActivations.silu(-800)).toEqual({ value: -0, slope: -0 });
  });

  test('gate and up alone are plain embeddings', () => {
    const [inputs, gate, up] = [vector(1, 3 * d), vector(1), vector(1)];
    const options = { inputs, gate, up, activation: 'silu' } as const;
    expect(gatedNeuronEmbeddings({ ...options, mode: 'gate' })).toEqual(
      neuronEmbeddings({ inputs, weights: gate }),
    );
    expect(gatedNeuronEmbeddings({ ...options, mode: 'up' })).toEqual(
      neuronEmbeddings({ inputs, weights: up }),
    );
  });

  test('names the argument and its size', () => {
    const options = { inputs: vector(1, 2 * d), gate: vector(1), up: vector(1), activation: 'silu' } as const;
    expect(() => gatedNeuronEmbeddings({ ...options, up: vector(1, 4) })).toThrow(
      'up holds 4 values, gate 19',
    );
    expect(() => gatedNeuronEmbeddings({ ...options, inputs: vector(1, 20) })).toThrow(
      'inputs holds 20 values',
    );
    expect(() => gatedNeuronEmbeddings({ ...options, activation: 'tanh' as 'silu' })).toThrow(
      "'tanh' (known: silu",
    );
    expect(() => gatedNeuronEmbeddings({ ...options, mode: 'both' as 'up' })).toThrow("unknown mode 'both'");
  });
});
