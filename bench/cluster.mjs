// Distances, linkage and metrics of one unit, on one core.
import { cosineDistances, cutTree, linkage, polysemy } from 'polyseme';
import { createRandom } from '../dist/base/random.js';
import { neuronEmbeddings } from '../dist/embed/neuron.js';
import { nullDistance } from '../dist/embed/null-distance.js';
import { autoFeatures } from '../dist/features/auto.js';
import { featureNumbers } from '../dist/polysemy/feature-numbers.js';
import { median, report } from './report.mjs';

const random = createRandom(7);
const rows = (count, width) => Float32Array.from({ length: count * width }, () => random.next() - 0.5 + 0.3);

function time(runs, action) {
  const times = [];
  for (let i = 0; i < runs + 5; i++) {
    const start = performance.now();
    action();
    if (i >= 5) times.push(performance.now() - start);
  }
  return median(times);
}

const unit = rows(64, 768);
report(
  'distances + linkage + metrics, 64 examples × 768',
  time(400, () => {
    const distances = cosineDistances({ rows: unit, count: 64 });
    const labels = cutTree(linkage({ distances, count: 64, method: 'average' }), { distance: 0.5 });
    polysemy({ distances, labels });
  }),
  'ms',
  0.5,
);
const [positions, weights, centre] = [rows(150, 768), rows(1, 768), rows(1, 768)];
const distances = cosineDistances({ rows: unit, count: 64 });
const tree = linkage({ distances, count: 64, method: 'average' });
report(
  'features by the silhouette, nullDistance of 150 positions, numbers of features, 64 examples × 768',
  time(400, () => {
    const { labels } = autoFeatures({ tree, distances, bound: 0 });
    featureNumbers({ distances, labels });
    nullDistance({ rows: neuronEmbeddings({ inputs: positions, weights, centre }), count: 150 });
  }),
  'ms',
  1,
);
const many = cosineDistances({ rows: rows(2000, 64), count: 2000 });
for (const method of ['average', 'complete', 'weighted', 'single']) {
  report(
    `linkage of 2,000 points, ${method}`,
    time(9, () => linkage({ distances: many, count: 2000, method })),
    'ms',
    60,
  );
}
