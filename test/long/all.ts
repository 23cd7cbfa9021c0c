// npm run test:long: all of the long tests, one after another; a fault of one does not keep the others from running.
import { spawnSync } from 'node:child_process';

const TESTS = ['long/kills.ts', 'long/points.ts', 'long/faults.ts', 'long/queue.ts', 'fuzz/long.ts'];

const failed = TESTS.filter((test) => {
  console.log(`\n== test/${test}`);
  const path = new URL(`../${test}`, import.meta.url).pathname;
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', path], { stdio: 'inherit' });
  return status !== 0;
});
console.log(failed.length === 0 ? '\nno faults' : `\nfaults: ${failed.join(', ')}`);
if (failed.length > 0) process.exitCode = 1;
