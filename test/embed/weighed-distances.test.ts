// Distances between embeddings that the kernel makes itself, against those of rows that are made before: the same bits.
import { describe, expect, test } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { cosineDistances } from '../../src/embed/distances.ts';
import { neuronEmbeddings } from '../../src/embed/neuron.ts';
import { nullDistance } from '../../src/embed/null-distance.ts';

function drawn(seed: number, count: number, width: number) {
  const random = createRandom(seed);
  const values = (length: number, scale: number) =>
    Float32Array.from({ length }, () => scale * (random.next() - 0.4));
  return { rows: values(count * width, 3), weights: values(width, 0.1), centre: values(width, 3) };
}

const bits = ({ buffer, byteOffset, byteLength }: Float32Array) =>
  Buffer.from(buffer, byteOffset, byteLength);

describe('distances of inputs with weights', () => {
  test.each([
    [2, 1],
    [7, 3],
    [64, 21],
    [64, 768],
    [300, 6],
    [260, 257],
  ])('%d rows of %d values, with a centre and without', (count, width) => {
    const { rows, weights, centre } = drawn(count, count, width);
    // Equal inputs, inputs that the weights make equal, and one without an embedding.
    rows.copyWithin(0, width, 2 * width);
    weights[width - 1] = 0;
    rows[width - 1]!++;
    if (count > 5) rows.copyWithin(3 * width, 5 * width, 6 * width);
    for (const more of [{}, { centre }]) {
      const made = neuronEmbeddings({ inputs: rows, weights, ...more });
      const found = cosineDistances({ rows, weights, ...more, count });
      expect(bits(found).equals(bits(cosineDistances({ rows: made, count })))).toBe(true);
      expect(nullDistance({ rows, weights, ...more, count })).toBe(nullDistance({ rows: made, count }));
    }
    const before = rows.slice();
    cosineDistances({ rows, weights, centre, count });
    expect(bits(rows).equals(bits(before))).toBe(true);
  });

  test('equal embeddings of different inputs have distance 0', () => {
    const rows = Float32Array.of(1, 2, 3, 1, 2, 9);
    expect([...cosineDistances({ rows, weights: Float32Array.of(3, 1, 0), count: 2 })]).toEqual([0]);
    expect([...cosineDistances({ rows, weights: new Float32Array(3), count: 2 })]).toEqual([1]);
  });

  test('sizes that do not fit are refused, and what overflows is named', () => {
    const rows = Float32Array.of(1, 2, 3, 4);
    const of = (more: object) => () => cosineDistances({ rows, count: 2, ...more });
    expect(of({ weights: Float32Array.of(1) })).toThrow('weights 1; they must be equal');
    expect(of({ weights: Float32Array.of(1, 1), centre: Float32Array.of(1) })).toThrow(
      'centre holds 1 values',
    );
    expect(of({ centre: Float32Array.of(1, 1) })).toThrow('a centre needs weights');
    expect(of({ weights: Float32Array.of(1, Number.POSITIVE_INFINITY) })).toThrow(
      'row 0 of rows holds a NaN',
    );
    expect(() => nullDistance({ rows, count: 2, weights: Float32Array.of(1) })).toThrow('they must be equal');
  });
});
