// node ours.mjs FOLDER UNITS DRAWN EXAMPLES WIDTH
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cutTree } from '../../../dist/cluster/cut.js';
import { linkage } from '../../../dist/cluster/linkage.js';
import { cosineDistances } from '../../../dist/embed/distances.js';
import { polysemy } from '../../../dist/polysemy/metrics.js';
import { answer } from '../child.mjs';

const dir = process.argv[2];
const [units, drawn, count, width] = process.argv.slice(3).map(Number);
const read = (name) => new Float32Array(Uint8Array.from(readFileSync(join(dir, name))).buffer);
const [inputs, weights] = [read('inputs'), read('weights')];

await answer(() => {
  const found = { clusters: [], mean: [], within: [], between: [] };
  for (let i = 0; i < units; i++) {
    const unit = i % drawn;
    const distances = cosineDistances({
      rows: inputs.subarray(unit * count * width, (unit + 1) * count * width),
      weights: weights.subarray(unit * width, (unit + 1) * width),
      count,
    });
    const labels = cutTree(linkage({ distances, count, method: 'average' }), { distance: 0.5 });
    const metrics = polysemy({ distances, labels });
    if (i >= drawn) continue;
    found.clusters.push(metrics.clusters);
    found.mean.push(metrics.meanDistance);
    found.within.push(metrics.intraClusterDistance ?? 0);
    found.between.push(metrics.interClusterDistance ?? 0);
  }
  return found;
});
