import { UMAP } from 'umap-js';
import { createRandom } from '../../../src/base/random.ts';

/** Neighbours of a point; fewer examples have fewer. */
const NEIGHBOURS = 15;

self.onmessage = ({ data }: MessageEvent<{ vectors: Float32Array; count: number }>) => {
  const { vectors, count } = data;
  const dimension = vectors.length / Math.max(1, count);
  const rows = Array.from({ length: count }, (_, i) =>
    Array.from(vectors.subarray(i * dimension, (i + 1) * dimension)),
  );
  const random = createRandom(0);
  const umap = new UMAP({
    nComponents: 2,
    nNeighbors: Math.max(1, Math.min(NEIGHBOURS, count - 1)),
    minDist: 0.15,
    distanceFn: cosineDistance,
    random: () => random.next(),
  });
  const places = count < 4 ? rows.map(([x = 0, y = 0]) => [x, y]) : umap.fit(rows);
  self.postMessage({ x: places.map(([x]) => x), y: places.map(([, y]) => y) });
};

function cosineDistance(a: readonly number[], b: readonly number[]): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let k = 0; k < a.length; k++) {
    dot += a[k]! * b[k]!;
    aa += a[k]! ** 2;
    bb += b[k]! ** 2;
  }
  return aa === 0 || bb === 0 ? 1 : 1 - dot / Math.sqrt(aa * bb);
}
