import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { toCodes } from '../../src/embed/codes.ts';
import { type Directions, NearestDirections } from '../../src/explain/nearest.ts';
import { nearestByContexts } from '../../src/explain/shared-contexts.ts';

/** Rows of random numbers, some of them near each other. */
function randomRows(count: number, width: number, seed: number): Float32Array {
  const random = createRandom(seed, 0);
  const rows = Float32Array.from({ length: count * width }, () => random.next() - 0.5);
  for (let row = 10; row < count; row += 10) {
    for (let k = 0; k < width; k++) rows[row * width + k]! += rows[k]! * (row / count) * 2;
  }
  return rows;
}

function directions(rows: Float32Array, width: number): Directions {
  const row = (i: number) => rows.subarray(i * width, (i + 1) * width);
  return {
    count: rows.length / width,
    width,
    codes() {
      const unit = Float32Array.from(rows);
      for (let i = 0; i < rows.length / width; i++) {
        const length = Math.hypot(...row(i));
        for (let k = 0; k < width; k++) unit[i * width + k]! /= length || 1;
      }
      return toCodes(unit, width);
    },
    row,
  };
}

/** Cosines of all rows with a vector in float64, best first. */
function bruteForce(tables: readonly Float32Array[], vector: Float32Array) {
  const width = vector.length;
  return tables
    .flatMap((rows, table) =>
      Array.from({ length: rows.length / width }, (_, row) => {
        let [dot, a, b] = [0, 0, 0];
        for (let k = 0; k < width; k++) {
          const [x, y] = [vector[k]!, rows[row * width + k]!];
          dot += x * y;
          a += x * x;
          b += y * y;
        }
        return { table, row, similarity: a * b === 0 ? 0 : dot / Math.sqrt(a * b) };
      }),
    )
    .sort((x, y) => y.similarity - x.similarity || x.table - y.table || x.row - y.row);
}

describe('nearest directions', () => {
  it.each([7, 16, 100])('are those of a search in float64, in %i dimensions', async (width) => {
    const tables = [randomRows(3000, width, 1), new Float32Array(0), randomRows(1000, width, 2)];
    const search = await NearestDirections.of(tables.map((rows) => directions(rows, width)));
    for (const asked of [0, 10, 17, 2999]) {
      const vector = tables[0]!.slice(asked * width, (asked + 1) * width);
      const expected = bruteForce(tables, vector).slice(0, 25);
      const found = search.nearest(vector, 25);
      expect(found.map(({ table, row }) => [table, row])).toEqual(
        expected.map(({ table, row }) => [table, row]),
      );
      found.forEach(({ similarity }, i) => {
        expect(similarity).toBeCloseTo(expected[i]!.similarity, 6);
      });
      // Without the row itself.
      const others = search.nearest(vector, 24, { table: 0, first: asked, end: asked + 1 });
      expect(others).toEqual(found.slice(1));
    }
  });

  it('finds equal rows in their order, and nothing for a vector of zeros', async () => {
    const rows = Float32Array.of(0, 2, 1, 0, 0, 1, 0, 0, 0, 5);
    const search = await NearestDirections.of([directions(rows, 2)]);
    const found = search.nearest(Float32Array.of(0, 3), 10);
    expect(found.map(({ row, similarity }) => [row, similarity])).toEqual([
      [0, 1],
      [2, 1],
      [4, 1],
      [1, 0],
      [3, 0],
    ]);
    expect(search.nearest(new Float32Array(2), 10)).toEqual([]);
  });
});

describe('nearest by contexts', () => {
  const set = (...sets: number[][]) => {
    let end = 0;
    return {
      contexts: Uint32Array.from(sets.flat()),
      contextEnds: Uint32Array.from(sets, ({ length }) => {
        end += length;
        return end;
      }),
    };
  };

  it('is the Jaccard index', () => {
    const tables = [set([1, 2, 3], [9], [2, 3, 4, 5]), set([], [1, 2, 3], [3, 900])];
    const found = nearestByContexts(tables, Uint32Array.of(1, 2, 3), 10, { table: 0, first: 0, end: 1 });
    expect(found).toEqual([
      { table: 1, row: 1, similarity: 1 },
      { table: 0, row: 2, similarity: 2 / 5 },
      { table: 1, row: 2, similarity: 1 / 4 },
    ]);
    expect(nearestByContexts(tables, Uint32Array.of(1, 2, 3), 1, null)[0]).toEqual({
      table: 0,
      row: 0,
      similarity: 1,
    });
  });
});
