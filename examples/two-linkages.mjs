// How much does the linkage change what comes out? Splits the same examples with two linkages. Nothing but arrays:
// this part of the library runs in a browser too.
// node examples/two-linkages.mjs
import { cosineDistances, cutTree, linkage, neuronEmbeddings, polysemy } from 'polyseme/core';

// Nine inputs of three numbers around three directions, and the weights of a neuron.
const inputs = Float32Array.of(
  ...[3, 0, 0, 3, 1, 0, 3, 2, 0],
  ...[0, 3, 0, 0, 3, 1, 1, 3, 1],
  ...[0, 0, 3, 1, 0, 3, 1, 1, 3],
);
const weights = Float32Array.of(1, 1, 0.5);
const count = 9;

const distances = cosineDistances({ rows: neuronEmbeddings({ inputs, weights }), count });
for (const method of ['average', 'single']) {
  const labels = cutTree(linkage({ distances, count, method }), { distance: 0.3 });
  const { clusters, silhouette } = polysemy({ distances, labels });
  console.log(
    `${method}: ${clusters} features, silhouette ${silhouette?.toFixed(2) ?? 'none'}: ${labels.join(' ')}`,
  );
}
