// Which features does one neuron of a model respond to? Studies a layer on a little text, and prints the neuron that
// responds to the most features, with the words of each.
// node examples/split-a-neuron.mjs
import { openStudy, runStudy } from 'polyseme';

await runStudy({
  model: 'builtin:folio-5m',
  data: 'builtin:sotu',
  layers: [1],
  contexts: 60,
  out: 'neuron.db',
});

const study = openStudy('neuron.db');
const [most] = study.units({ sort: 'clusters', descending: true, limit: 1 });
const unit = study.unit(most.bank, most.index);
console.log(
  `${unit.bank}/${unit.index}: ${unit.clusters} features, mean distance ${unit.meanDistance.toFixed(2)}`,
);
for (const { size, words } of unit.features.slice(0, 5))
  console.log(`  ${size} examples: ${words.join(', ')}`);
study.close();
