import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { saeConfig } from '../../src/sae/config.ts';
import { loadSae } from '../../src/sae/load-sae.ts';
import { embeddingLoss, saeDecode, saeEncode, saeInputs } from '../../src/sae/maths.ts';
import { rowMajor } from '../../src/tensors/matrix.ts';
import { randomSae } from '../helpers/saes.ts';

const fixtures = new URL('../fixtures/sae/', import.meta.url).pathname;

interface Golden {
  dIn: number;
  inputs: number[];
  cases: Record<string, { latents: number[]; outputs: number[]; path?: string }>;
}
const golden = JSON.parse(await readFile(`${fixtures}golden.json`, 'utf8')) as Golden;
const inputs = Float32Array.from(golden.inputs);

// Written by the real packages (fixtures/sae/make.py).
describe.each(Object.entries(golden.cases))('%s', (name, { latents, outputs, path }) => {
  test('encodes and decodes as the package that wrote it, and as ONNX Runtime', async () => {
    const sae = await loadSae(`${fixtures}golden/${path ?? name}`);
    expectClose(saeEncode(sae, inputs), latents);
    expectClose(saeDecode(sae, Float32Array.from(latents), inputs), outputs);
    expectClose(saeInputs(sae, inputs), await sae.latentInputs(inputs));
    await sae.dispose();
  });
});

describe('what cannot be', () => {
  const sae = randomSae({ dIn: 4, dSae: 6 });
  test('inputs of another width are refused', () => {
    expect(() => saeEncode(sae, new Float32Array(7))).toThrow(
      'inputs holds 7 values, which is no multiple of',
    );
    expect(() => saeInputs(sae, new Float32Array(5))).toThrow('5 values');
    expect(() => saeDecode(sae, new Float32Array(8))).toThrow('latents holds 8 values');
    expect(() => saeDecode(sae, new Float32Array(6), new Float32Array(8))).toThrow('1 rows of 4');
  });
  test('decoding without inputs that are needed is refused', () => {
    const normalised = randomSae({ dIn: 4, dSae: 6, normalizeActivations: 'layer_norm' });
    expect(() => saeDecode(normalised, new Float32Array(6))).toThrow('needs the inputs');
  });
  test('a zero input stays zero where norms are made equal', () => {
    const config = saeConfig({
      architecture: 'standard',
      dIn: 2,
      dSae: 2,
      applyBDecToInput: false,
      normalizeActivations: 'constant_norm_rescale',
    });
    const identity = rowMajor(Float32Array.of(1, 0, 0, 1), 2, 2);
    const zeros = new Float32Array(2);
    const tensors = { W_enc: identity, b_enc: zeros, W_dec: identity, b_dec: zeros };
    expect([...saeInputs({ config, tensors }, zeros)]).toEqual([0, 0]);
  });
});

describe('embeddingLoss', () => {
  const random = createRandom(5);
  const draw = (): Float32Array => Float32Array.from({ length: 9 }, () => random.next() - 0.4);
  const [average, input, weights] = [draw(), draw(), draw()];

  test('is 1 − cos of the two neuron embeddings', () => {
    const product = (x: Float32Array) => x.map((value, k) => value * weights[k]!);
    const [a, b] = [product(average), product(input)];
    const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, k) => sum + value * y[k]!, 0);
    const cosine = dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    expect(embeddingLoss({ average, input, weights }).loss).toBeCloseTo(1 - cosine, 5);
  });

  test('has the gradient that differences give', () => {
    const { gradient } = embeddingLoss({ average, input, weights });
    weights.forEach((_, k) => {
      const at = (step: number): number => {
        const moved = weights.slice();
        moved[k]! += step;
        return embeddingLoss({ average, input, weights: moved }).loss;
      };
      expect(gradient[k]).toBeCloseTo((at(1e-3) - at(-1e-3)) / 2e-3, 3);
    });
  });

  test('is 0 without gradient where an embedding is 0, and refuses unequal lengths', () => {
    const zero = embeddingLoss({ average, input: new Float32Array(9), weights });
    expect(zero.loss).toBe(0);
    expect(zero.gradient.every((value) => value === 0)).toBe(true);
    expect(() => embeddingLoss({ average, input, weights: new Float32Array(8) })).toThrow('must be equal');
  });
});

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    worst = Math.max(worst, Math.abs(actual[i]! - expected[i]!) / Math.max(1, Math.abs(expected[i]!)));
  }
  expect(worst).toBeLessThan(1e-5);
}
