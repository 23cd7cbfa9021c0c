// `npm run bench [NAME …]`: the benchmarks of this folder, each in a process of its own.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const ALL = [
  'cluster',
  'harvest',
  'sae',
  'sae-step',
  'serve',
  'explorer',
  'site',
  'explain',
  'memory',
  'search',
  'shards',
  'queue',
  'shapes',
];
const chosen = process.argv.length > 2 ? process.argv.slice(2) : ALL;
for (const name of chosen) {
  if (!ALL.includes(name)) {
    console.error(`no benchmark ${name} (known: ${ALL.join(', ')})`);
    process.exit(2);
  }
  console.log(`\n${name}`);
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, `${name}.mjs`)], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(1);
}
