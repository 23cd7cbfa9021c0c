// node ours.mjs FOLDER NxREPEATS,…
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { linkage } from '../../../dist/cluster/linkage.js';
import { cpuSeconds } from '../../timed-harvest.mjs';
import { answer } from '../child.mjs';

const [dir, laps] = process.argv.slice(2);
const sizes = laps.split(',').map((lap) => lap.split('x').map(Number));
const read = (n) => new Float32Array(Uint8Array.from(readFileSync(join(dir, String(n)))).buffer);
const distances = new Map(sizes.map(([n]) => [n, read(n)]));

await answer(() => {
  const found = { laps: {}, sums: {} };
  for (const [n, repeats] of sizes) {
    const [before, start] = [process.cpuUsage(), performance.now()];
    let tree;
    for (let i = 0; i < repeats; i++)
      tree = linkage({ distances: distances.get(n), count: n, method: 'average' });
    found.laps[`n = ${n.toLocaleString('en-US')}`] = {
      cpu: cpuSeconds(before),
      wall: (performance.now() - start) / 1000,
    };
    found.sums[n] = tree.merges.filter((_, i) => i % 4 === 2).reduce((sum, height) => sum + height, 0);
  }
  return found;
});
