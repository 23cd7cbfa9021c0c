// Runs tiny checkpoints on WebGPU, in a process whose environment has a GPU: prints how far each is from its float64 values.
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import { readModel, sitesOf } from '../../src/model/compile.ts';
import { farthest, readFixture, runRows } from './families.ts';

const found = {};
for (const name of process.argv.slice(2)) {
  const { dir, rows, expected } = readFixture(name);
  const files = readModel(await openCheckpoint(dir));
  const taps = [...sitesOf(files).keys()];
  found[name] = farthest(await runRows(files, rows, taps, 'webgpu'), expected);
}
console.log(JSON.stringify(found));
