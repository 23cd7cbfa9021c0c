// A run by four workers of a queue on this machine: its processor time, of workers, server and the command that hands it out, ÷ that
// of the undivided run; and how soon a worker stands ready. Each round runs both. On Linux, with redis-server.
// The work has few examples for its text, so that the second round is short, as it is of a long text; and then, for comparison, so
// many that each context has one, and the model runs twice over all of them.
// Usage: node bench/queue.mjs [contexts=8000] [rounds=3]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '../dist/base/random.js';
import { rowMajor, Sae, saeConfig, saveSae } from '../dist/index.js';
import { childrenOf, end, freePort, hasRedis, startRedis } from '../test/helpers/queue-servers.mjs';
import { median, report } from './report.mjs';

const MAIN = new URL('../dist/cli/main.js', import.meta.url).pathname;
const WORKERS = 4;
/** Of a second, in which the system counts. */
const TICKS = 100;

const [contexts = '8000', rounds = '3'] = process.argv.slice(2);

/** Processor seconds of a process and of those of its children that have ended. */
function secondsOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS;
}

/** Processor seconds that a command takes, which must end well. */
async function secondsFor(args) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (text) => {
    said += text;
  });
  const before = secondsOf('self');
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(said);
  return secondsOf('self') - before;
}

/** A worker, and the seconds until it stood ready. */
async function startWorker(place) {
  const start = performance.now();
  const child = spawn(process.execPath, [MAIN, 'worker', ...place, '--threads', '1'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  // Its first word, and it is heard to the end.
  child.stdout.resume();
  await once(child.stdout, 'data');
  return { child, seconds: (performance.now() - start) / 1000 };
}

if (!hasRedis) {
  console.log('skipped: redis-server is not installed');
  process.exit(0);
}
const folder = mkdtempSync(join(tmpdir(), 'polyseme-bench-'));

/** Writes an SAE of 32 latents, of which two at a time are active. */
async function writeSae(path) {
  const [dIn, dSae] = [256, 32];
  const random = createRandom(1);
  const numbers = (count, scale) =>
    Float32Array.from({ length: count }, () => scale * 3.5 * (random.next() - 0.5));
  const config = { architecture: 'topk', k: 2, dIn, dSae, modelName: 'folio-5m' };
  await saveSae(
    new Sae(saeConfig({ ...config, hookName: 'blocks.3.hook_resid_post' }), {
      W_enc: rowMajor(numbers(dIn * dSae, 1 / 16), dIn, dSae),
      W_dec: rowMajor(numbers(dSae * dIn, 1 / 16), dSae, dIn),
      b_enc: numbers(dSae, 0.1),
      b_dec: numbers(dIn, 0.1),
    }),
    path,
  );
}

/** Processor seconds of the undivided run, and of the parts of a queued one; and the seconds until each worker was ready. */
async function both(run, name) {
  const at = (what) => join(folder, `${name}-${what}`);
  const undivided = await secondsFor([...run, '--threads', '1', '--out', at('undivided.db')]);
  const port = await freePort();
  const redis = await startRedis(folder, port);
  const place = ['--queue', `redis://127.0.0.1:${port}`, '--artefacts', at('artefacts')];
  const workers = [];
  for (let i = 0; i < WORKERS; i++) workers.push(await startWorker(place));
  try {
    const command = await secondsFor([...run, ...place, '--shards', `${WORKERS}`, '--out', at('queued.db')]);
    const pids = workers.flatMap(({ child }) => [child.pid, ...childrenOf(child.pid)]);
    const work = pids.reduce((sum, pid) => sum + secondsOf(pid), 0);
    return {
      undivided,
      command,
      work,
      server: secondsOf(redis.pid),
      ready: workers.map(({ seconds }) => seconds),
    };
  } finally {
    for (const { child } of workers) await end(child);
    await end(redis);
  }
}

try {
  const sae = join(folder, 'sae');
  await writeSae(sae);
  const works = {
    'few examples': [['--layers', 'none', '--sae', sae, '--examples', '8', '--contexts', contexts], 1.1],
    'an example in each context': [
      ['--layers', '3', '--examples', '16', '--contexts', `${Number(contexts) / 4}`],
      undefined,
    ],
  };
  const found = Object.fromEntries(Object.keys(works).map((name) => [name, []]));
  for (let round = 0; round < Number(rounds); round++) {
    for (const [name, [options]] of Object.entries(works)) {
      found[name].push(
        await both([MAIN, 'run', ...options], `${found[name].length}-${name.replaceAll(' ', '-')}`),
      );
    }
  }
  for (const [name, [, goal]] of Object.entries(works)) {
    const of = (figure) => median(found[name].map(figure));
    report(
      `${name}: processor time of the undivided run`,
      of(({ undivided }) => undivided),
      's',
    );
    report(
      '  by four workers ÷ that',
      of(({ undivided, command, work, server }) => (command + work + server) / undivided),
      '×',
      goal,
    );
    report(
      '  … of that the workers',
      of(({ undivided, work }) => work / undivided),
      '×',
    );
    report(
      '  … the command, which plans',
      of(({ undivided, command }) => command / undivided),
      '×',
    );
    report(
      '  … the server',
      of(({ undivided, server }) => server / undivided),
      '×',
    );
  }
  report(
    'a worker stands ready after',
    median(
      Object.values(found)
        .flat()
        .flatMap(({ ready }) => ready),
    ),
    's',
    2,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
