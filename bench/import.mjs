// `node bench/import.mjs`: what importing the library costs: seconds and resident memory beyond those of an empty
// program, each the median of fresh processes that take turns.
import { execFileSync } from 'node:child_process';

const ROUNDS = 9;
const PROGRAMS = {
  nothing: '',
  'polyseme/core': "await import('polyseme/core');",
  polyseme: "await import('polyseme');",
};
/** What the issue of the library allows core: seconds and megabytes. */
const LIMIT = { seconds: 0.25, megabytes: 50 };

function once(program) {
  const code = `const before = performance.now(); ${program}
    const seconds = (performance.now() - before) / 1000;
    console.log(JSON.stringify({ seconds, megabytes: process.memoryUsage().rss / 1e6 }));`;
  return JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' }),
  );
}

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
const runs = Object.fromEntries(Object.keys(PROGRAMS).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, program] of Object.entries(PROGRAMS)) runs[name].push(once(program));
}
const empty = median(runs['nothing'].map(({ megabytes }) => megabytes));
console.log(`an empty program: ${empty.toFixed(0)} MB`);
for (const name of Object.keys(PROGRAMS).slice(1)) {
  const seconds = median(runs[name].map((run) => run.seconds));
  const megabytes = median(runs[name].map((run) => run.megabytes));
  console.log(
    `${name}: ${seconds.toFixed(2)} s, ${megabytes.toFixed(0)} MB (${(megabytes - empty).toFixed(0)} MB beyond an empty program)`,
  );
  if (name === 'polyseme/core' && (seconds > LIMIT.seconds || megabytes - empty > LIMIT.megabytes)) {
    console.log(`  beyond the limit of ${LIMIT.seconds} s and ${LIMIT.megabytes} MB`);
  }
}
