import type { Tree } from '../cluster/tree.ts';
import { PolysemeError } from '../errors.ts';

/**
 * The mean of the unit embeddings ê = e/‖e‖ of each feature's examples (0 for a zero embedding). An embedding x lies at
 * the mean cosine distance 1 − x̂ · mean from the feature's examples; the mean's direction is the feature's own.
 * @param embeddings n × d, row-major
 * @param featureOf the feature of each example, from 0 without gaps
 * @returns features × d, row-major
 * @throws PolysemeError when the sizes do not fit
 * @example
 * featureMeans({ embeddings: Float32Array.of(2, 0, 0, 3), featureOf: Int32Array.of(0, 0), count: 1 }); // [0.5, 0.5]
 */
export function featureMeans({
  embeddings,
  featureOf,
  count,
}: {
  embeddings: Float32Array;
  featureOf: Int32Array;
  count: number;
}): Float32Array {
  const n = featureOf.length;
  if (n === 0) return new Float32Array(0);
  if (embeddings.length % n !== 0) {
    throw new PolysemeError(
      `featureMeans: embeddings holds ${embeddings.length} values, which are no ${n} rows of equal width`,
    );
  }
  const width = embeddings.length / n;
  const sums = new Float64Array(count * width);
  const sizes = new Int32Array(count);
  for (let i = 0; i < n; i++) {
    const feature = featureOf[i]!;
    sizes[feature]!++;
    const scale = inverseLength(embeddings, i * width, width);
    for (let k = 0; k < width; k++) sums[feature * width + k]! += embeddings[i * width + k]! * scale;
  }
  return Float32Array.from(sums, (sum, at) => sum / sizes[Math.floor(at / width)]!);
}

/** 1/‖row‖ of the row at `start`; 0 for a zero row. */
export function inverseLength(rows: Float32Array, start: number, width: number): number {
  let squared = 0;
  for (let k = start; k < start + width; k++) squared += rows[k]! * rows[k]!;
  return squared > 0 ? 1 / Math.sqrt(squared) : 0;
}

/**
 * The height in the tree at which all examples of a feature are joined; 0 for a feature of one example. Examples that
 * were given to a feature though their own cluster was too small (`stray`) do not count.
 * @returns by feature
 */
export function featureHeights(tree: Tree, featureOf: Int32Array, stray?: Uint8Array): Float64Array {
  const { count, merges } = tree;
  const features = featureOf.reduce((most, feature) => Math.max(most, feature + 1), 0);
  const own = (example: number): boolean => stray?.[example] !== 1;
  const sizes = new Int32Array(features);
  featureOf.forEach((feature, example) => {
    if (own(example)) sizes[feature]!++;
  });
  const heights = new Float64Array(features);
  // Of every node, how many examples of each feature it holds, as far as they are known to be more than none.
  const held = Array.from(
    { length: count },
    (_, example) => new Map(own(example) ? [[featureOf[example]!, 1]] : []),
  );
  for (let row = 0; row < count - 1; row++) {
    const [a, b] = [held[merges[4 * row]!]!, held[merges[4 * row + 1]!]!];
    const [small, large] = a.size < b.size ? [a, b] : [b, a];
    for (const [feature, more] of small) {
      const before = large.get(feature) ?? 0;
      large.set(feature, before + more);
      if (before > 0 && before + more === sizes[feature]) heights[feature] = merges[4 * row + 2]!;
    }
    held.push(large);
  }
  return heights;
}
