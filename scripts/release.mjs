// npm run release: what a release is made of, in release/: the package, and the list of what is installed with it
// (CycloneDX). Publishes nothing: `npm publish --provenance release/*.tgz` does, from a runner that npm trusts.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const run = (...command) =>
  execFileSync(command[0], command.slice(1), {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  });

const changes = run('git', 'status', '--porcelain');
if (changes !== '') {
  console.error(`commit or take back first:\n${changes}`);
  process.exit(1);
}
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
if (!readFileSync('CHANGELOG.md', 'utf8').includes(`## ${version}`)) {
  console.error(`CHANGELOG.md has no section ## ${version}`);
  process.exit(1);
}
run('npm', 'run', 'licences');
rmSync('release', { recursive: true, force: true });
mkdirSync('release');
run('npm', 'pack', '--pack-destination', 'release');
writeFileSync(
  `release/polyseme-${version}.cdx.json`,
  run('npm', 'sbom', '--omit=dev', '--sbom-format=cyclonedx'),
);
console.log(`release/: polyseme-${version}.tgz and its bill of materials`);
