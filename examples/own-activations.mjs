// Splits a unit of a model that Polyseme does not run: all it needs is what the unit read, its activations and weights.
// node examples/own-activations.mjs
import { bankOf, splitBank } from 'polyseme/core';

// Six tokens; each has an input of two numbers, and the unit's activation.
const bank = bankOf({
  name: 'mine',
  inputs: Float32Array.of(1, 0, 1, 0.1, 0.9, 0, 0, 1, 0.1, 1, 0, 0.8),
  activations: Float32Array.of(1, 1.1, 0.9, 1, 1.1, 0.8),
  weights: Float32Array.of(1, 1),
  tokens: [[' ship'], [' boat'], [' vessel'], [' court'], [' judge'], [' law']],
});
// Six examples are too few to tell features by their silhouette, so they are cut at the paper's threshold.
for await (const { index, clusters, features } of splitBank(bank, { center: 'none', features: 'cut' })) {
  console.log(`unit ${index}: ${clusters} features`);
  for (const { examples } of features) console.log(`  ${examples.map(({ tokens }) => tokens[0]).join('')}`);
}
