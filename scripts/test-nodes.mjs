// npm run test:nodes [-- FILES]: the tests on every Node that Polyseme promises, which npm's own package `node` brings.
import { spawnSync } from 'node:child_process';

const VERSIONS = ['20.19', '22', '24'];
const files = process.argv.slice(2);

/** Runs a command on a version of Node. The package's script puts Node where it is found: without it another Node would run. */
function on(version, command, stdio) {
  const npm = ['exec', '--yes', '--ignore-scripts=false', '--package', `node@${version}`, '--', ...command];
  return spawnSync('npm', npm, { stdio, encoding: 'utf8', shell: process.platform === 'win32' });
}

const results = VERSIONS.map((version) => {
  const found = on(version, ['node', '--version'], ['ignore', 'pipe', 'inherit']).stdout?.trim();
  console.log(`\n== Node ${version} (${found})`);
  if (!found?.startsWith(`v${version}.`)) return { version, status: 1 };
  return { version, ...on(version, ['node', 'node_modules/vitest/vitest.mjs', 'run', ...files], 'inherit') };
});
for (const { version, status } of results)
  console.log(`Node ${version}: ${status === 0 ? 'passed' : 'FAILED'}`);
process.exitCode = results.every(({ status }) => status === 0) ? 0 : 1;
