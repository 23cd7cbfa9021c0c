// npm run fuzz [-- INPUTS [SEED]]: every parser, each in a process of its own; a line each, and the fewest changes that show
// a fault. INPUTS is of all together, 100,000 unless said.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fuzz } from './fuzz.ts';
import { TARGETS } from './targets.ts';

/** Worker threads on the sources, too. */
const SOURCES = new URL('../helpers/process-from-sources.mjs', import.meta.url).href;

/** Milliseconds between two inputs after which a process hangs. */
const SILENCE = 600_000;

const [inputs = '100000', seed = String(Date.now() % 2 ** 31), only] = process.argv.slice(2);

if (only !== undefined) {
  const target = TARGETS.find(({ name }) => name === only)!;
  const begun = performance.now();
  const { refused } = await fuzz(target, {
    ...{ runs: Number(inputs), seed: Number(seed) },
    onInput: () => process.send?.('alive'),
  });
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  const memory = (process.resourceUsage().maxRSS / 1000).toFixed(0);
  console.log(
    `${target.name.padEnd(28)} ${inputs.padStart(7)} inputs, ${String(refused).padStart(7)} refused, ${seconds.padStart(6)} s, ${memory.padStart(5)} MB at most`,
  );
} else {
  const each = Math.ceil(Number(inputs) / TARGETS.length);
  console.log(`${each} changes of each of ${TARGETS.length} kinds of file, seed ${seed}`);
  for (const { name } of TARGETS) {
    const child = fork(new URL(import.meta.url), [String(each), seed, name], {
      execArgv: ['--import', SOURCES],
    });
    // What computes without a break hears no clock of its own.
    const hangs = setTimeout(() => child.kill('SIGKILL'), SILENCE);
    child.on('message', () => hangs.refresh());
    const [code, signal] = await once(child, 'exit');
    clearTimeout(hangs);
    if (code === 0) continue;
    console.log(`${name}: FAULT (${signal ?? `exit ${code}`}), seed ${seed}`);
    process.exitCode = 1;
  }
}
