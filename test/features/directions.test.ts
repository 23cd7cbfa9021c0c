import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { cutTree } from '../../src/cluster/cut.ts';
import { linkage } from '../../src/cluster/linkage.ts';
import { rowStart } from '../../src/embed/condensed.ts';
import { cosineDistances } from '../../src/embed/distances.ts';
import { featureHeights, featureMeans } from '../../src/features/directions.ts';

const WIDTH = 9;
const COUNT = 40;
const random = createRandom(5, 0);
const rows = Float32Array.from({ length: COUNT * WIDTH }, () => random.next() - 0.5);
rows.fill(0, 3 * WIDTH, 4 * WIDTH);
const distances = cosineDistances({ rows, count: COUNT });
const tree = linkage({ distances, count: COUNT, method: 'average' });

describe('featureMeans', () => {
  it('gives the mean distances of an embedding to the examples of each feature', () => {
    const labels = cutTree(tree, { clusters: 4 });
    const means = featureMeans({ embeddings: rows, featureOf: labels, count: 4 });
    for (const asked of [0, 3, 7, 39]) {
      const own = rows.subarray(asked * WIDTH, (asked + 1) * WIDTH);
      const length = Math.hypot(...own) || 1;
      for (let label = 0; label < 4; label++) {
        const members = [...labels.keys()].filter((example) => labels[example] === label);
        const total = members.reduce((sum, other) => {
          if (other === asked) return sum + (asked === 3 ? 1 : 0);
          const [low, high] = [Math.min(asked, other), Math.max(asked, other)];
          return sum + distances[rowStart(COUNT, low) + high]!;
        }, 0);
        let dot = 0;
        for (let k = 0; k < WIDTH; k++) dot += (own[k]! / length) * means[label * WIDTH + k]!;
        expect(1 - dot).toBeCloseTo(total / members.length, 5);
      }
    }
  });

  it('refuses rows that do not fit', () => {
    expect(() =>
      featureMeans({ embeddings: new Float32Array(5), featureOf: new Int32Array(2), count: 1 }),
    ).toThrow('embeddings holds 5 values, which are no 2 rows of equal width');
    expect(featureMeans({ embeddings: new Float32Array(0), featureOf: new Int32Array(0), count: 0 })).toEqual(
      new Float32Array(0),
    );
  });
});

describe('featureHeights', () => {
  it('is the height of the merge that joins all examples of a feature', () => {
    for (const clusters of [1, 3, 12, COUNT]) {
      const labels = cutTree(tree, { clusters });
      const heights = featureHeights(tree, labels);
      for (let label = 0; label < clusters; label++) {
        const members = [...labels.keys()].filter((example) => labels[example] === label);
        expect(heights[label]).toBe(members.length < 2 ? 0 : joinedAt(members));
      }
    }
  });

  it('does not count strays', () => {
    const labels = cutTree(tree, { clusters: 3 });
    const whole = featureHeights(tree, labels);
    const moved = labels.indexOf(2);
    const target = labels.slice();
    target[moved] = 0;
    const stray = new Uint8Array(COUNT);
    expect(featureHeights(tree, target, stray)[0]).toBeGreaterThan(whole[0]!);
    stray[moved] = 1;
    expect(featureHeights(tree, target, stray)[0]).toBe(whole[0]);
  });
});

/** The height of the first merge under which all members lie. */
function joinedAt(members: readonly number[]): number {
  const under: Set<number>[] = Array.from({ length: COUNT }, (_, leaf) => new Set([leaf]));
  for (let row = 0; row < COUNT - 1; row++) {
    const [a, b, height] = tree.merges.subarray(4 * row, 4 * row + 3) as unknown as [number, number, number];
    const node = new Set([...under[a]!, ...under[b]!]);
    if (members.every((leaf) => node.has(leaf))) return height;
    under.push(node);
  }
  throw new Error('never joined');
}
