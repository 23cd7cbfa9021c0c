// npm run test:nodes [-- FILES]: the tests on every Node that Polyseme promises, which npm's own package `node` brings.
import { spawnSync } from 'node:child_process';

const VERSIONS = ['20.19', '22', '24'];
const files = process.argv.slice(2);
const results = VERSIONS.map((version) => {
  console.log(`\n== Node ${version}`);
  const vitest = ['node', 'node_modules/vitest/vitest.mjs', 'run', ...files];
  const { status } = spawnSync('npm', ['exec', '--yes', '--package', `node@${version}`, '--', ...vitest], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  return { version, status };
});
for (const { version, status } of results)
  console.log(`Node ${version}: ${status === 0 ? 'passed' : 'FAILED'}`);
process.exitCode = results.every(({ status }) => status === 0) ? 0 : 1;
