import { describe, expect, test } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { cosineDistances } from '../../src/embed/distances.ts';
import { gateActivations } from '../../src/embed/gate-activation.ts';
import { gatedNeuronEmbeddings } from '../../src/embed/gated.ts';
import { neuronEmbeddings } from '../../src/embed/neuron.ts';
import { nullDistance } from '../../src/embed/null-distance.ts';

const D = 21;
const N = 30;

function vectors(seed: number) {
  const random = createRandom(seed);
  return (length: number, shift = 0) => Float32Array.from({ length }, () => random.next() - 0.5 + shift);
}

describe('centred embeddings', () => {
  const make = vectors(1);
  const inputs = make(N * D, 3);
  const weights = make(D);
  const centre = make(D, 3);

  test('(h − μ) ⊙ w in double precision, rounded once', () => {
    const rows = neuronEmbeddings({ inputs, weights, centre });
    const expected = Array.from(inputs, (h, at) => Math.fround((h - centre[at % D]!) * weights[at % D]!));
    expect([...rows]).toEqual(expected);
  });

  test('a centre of zeros is none', () => {
    expect(neuronEmbeddings({ inputs, weights, centre: new Float32Array(D) })).toEqual(
      neuronEmbeddings({ inputs, weights }),
    );
  });

  test('γ and β folded into w change the centred embeddings by what folding takes from w alone', () => {
    // h = γ n + β, μ = γ μ_n + β: (h − μ) ⊙ w = (n − μ_n) ⊙ (γ ⊙ w).
    const [gamma, beta, normal, mean] = [make(D, 1), make(D), make(N * D), make(D)];
    const raw = neuronEmbeddings({
      inputs: normal.map((n, at) => gamma[at % D]! * n + beta[at % D]!),
      weights,
      centre: mean.map((m, k) => gamma[k]! * m + beta[k]!),
    });
    const folded = neuronEmbeddings({
      inputs: normal,
      weights: weights.map((w, k) => gamma[k]! * w),
      centre: mean,
    });
    raw.forEach((value, at) => {
      expect(value).toBeCloseTo(folded[at]!, 6);
    });
  });

  test.each(['gate', 'up'] as const)('of a gated unit by its %s alone', (mode) => {
    const [gate, up] = [make(D), make(D)];
    const options = { inputs, gate, up, centre, activation: 'silu', mode } as const;
    expect(gatedNeuronEmbeddings(options)).toEqual(
      neuronEmbeddings({ inputs, weights: mode === 'gate' ? gate : up, centre }),
    );
  });

  test('of a gated unit: (h − μ) ⊙ ∂a/∂h, the derivative at h', () => {
    const [gate, up] = [make(D), make(D)];
    const rows = gatedNeuronEmbeddings({ inputs, gate, up, centre, gateBias: 0.1, activation: 'silu' });
    for (let row = 0; row < N; row++) {
      const h = inputs.subarray(row * D, (row + 1) * D);
      const dot = (w: Float32Array) => w.reduce((sum, value, k) => sum + value * h[k]!, 0);
      const { value, slope } = gateActivations.silu(dot(gate) + 0.1);
      for (let k = 0; k < D; k++) {
        const gradient = slope * dot(up) * gate[k]! + value * up[k]!;
        expect(rows[row * D + k]).toBeCloseTo((h[k]! - centre[k]!) * gradient, 6);
      }
    }
  });

  test('names a centre of another length', () => {
    const short = new Float32Array(D - 1);
    expect(() => neuronEmbeddings({ inputs, weights, centre: short })).toThrow(
      'centre holds 20 values, weights 21; they must be equal',
    );
    expect(() =>
      gatedNeuronEmbeddings({ inputs, gate: weights, up: weights, centre: short, activation: 'relu' }),
    ).toThrow('centre holds 20 values, gate 21; they must be equal');
  });
});

describe('nullDistance', () => {
  test('is near the median of all pairs, for any number of rows', () => {
    for (const count of [2, 21, 22, 23, 100, 150]) {
      const rows = vectors(count)(count * 64, 0.4);
      const all = [...cosineDistances({ rows, count })].sort((a, b) => a - b);
      const middle = (all[(all.length - 1) >> 1]! + all[all.length >> 1]!) / 2;
      const found = nullDistance({ rows, count })!;
      if (count <= 21) expect(found).toBe(middle);
      else expect(Math.abs(found - middle)).toBeLessThan(0.03);
    }
  });

  test('does not change with the length of the rows, and a zero row is 1 from all', () => {
    const rows = vectors(9)(150 * D, 0.3);
    expect(nullDistance({ rows: rows.map((value) => 4 * value), count: 150 })).toBe(
      nullDistance({ rows, count: 150 }),
    );
    expect(nullDistance({ rows: new Float32Array(150 * D), count: 150 })).toBe(1);
  });

  test('of fewer than two rows is null; names a row that is no numbers', () => {
    expect(nullDistance({ rows: Float32Array.of(1), count: 1 })).toBeNull();
    expect(nullDistance({ rows: new Float32Array(0), count: 0 })).toBeNull();
    const rows = vectors(9)(150 * D);
    rows[40 * D] = Number.NaN;
    expect(() => nullDistance({ rows, count: 150 })).toThrow(
      'nullDistance: row 40 of rows holds a NaN or an infinite value',
    );
  });
});
