// Runs tiny checkpoints on a device, in a process whose environment has it: prints how far each is from its float64 values.
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import { readModel, sitesOf } from '../../src/model/compile.ts';
import { farthest, readFixture, runRows } from './families.ts';

const found = {};
const [device, ...names] = process.argv.slice(2);
for (const name of names) {
  const { dir, rows, expected } = readFixture(name);
  const files = readModel(await openCheckpoint(dir));
  const taps = [...sitesOf(files).keys()];
  found[name] = farthest(await runRows(files, rows, taps, { device }), expected);
}
console.log(JSON.stringify(found));
