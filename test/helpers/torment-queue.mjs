// Workers of a queue that are killed, slowed down, full and cut off while a run goes on. For tests of the sources, and for
// test/long, which runs on dist.
import { spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { childrenOf, end, startCable } from './queue-servers.mjs';

/** Milliseconds of work and of rest of the slow worker. */
const WORKS = 100;
const RESTS = 200;
/** Bytes of the largest file that the full worker may write. */
const ROOM = 4096;

/**
 * Runs `work` by four workers: two are killed again and again at random moments, processes for jobs included, and started
 * anew; one is slow; one has a full disk. The queue's server is started again with nothing, and the network of one worker,
 * to the queue and to the store, is cut for a while.
 *
 * @param worker the program of a worker, which is given its options as JSON
 * @returns what `work` gives, and what was done to the workers
 */
export async function torment({ worker, options, redis, store, kills, cutFor, random, work }) {
  const cables = [await startCable(redis.port)];
  const env = { ...process.env };
  const away = { ...options, queue: options.queue.replace(/:\d+/, `:${cables[0].port}`) };
  if (store !== undefined) {
    cables.push(await startCable(store.port));
    away.artefactsEndpoint = `http://127.0.0.1:${cables[1].port}`;
  }
  const lines = [];
  const start = (given, limit = []) => {
    const [program, ...args] = [...limit, process.execPath, worker, JSON.stringify(given)];
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => lines.push(...text.trim().split('\n')));
    }
    return child;
  };
  const killed = [start(options), start(away)];
  const slow = start(options);
  const full = start(options, ['prlimit', `--fsize=${ROOM}`]);
  const happened = { kills: 0, restarts: 0, cuts: 0 };
  let isDone = false;
  const slowing = (async () => {
    while (!isDone) {
      const processes = childrenOf(slow.pid);
      for (const pid of processes) signal(pid, 'SIGSTOP');
      await wait(RESTS);
      for (const pid of processes) signal(pid, 'SIGCONT');
      await wait(WORKS);
    }
  })();
  const tormenting = (async () => {
    for (let kill = 1; kill <= kills && !isDone; kill++) {
      await wait(400 + 1600 * random());
      const i = Math.floor(random() * killed.length);
      // Its process for jobs is killed with it, or ends by itself, or is killed alone.
      const jobs = childrenOf(killed[i].pid);
      const which = random();
      if (which < 0.7) {
        await end(killed[i]);
        killed[i] = start(i === 0 ? options : away);
      }
      if (which > 0.35) for (const pid of jobs) signal(pid, 'SIGKILL');
      happened.kills++;
      if (kill % 20 === 1) {
        for (const cable of cables) cable.cut();
        await wait(cutFor);
        for (const cable of cables) cable.mend();
        happened.cuts++;
      }
      if (kill % 20 === 2 && !isDone) {
        await redis.restart();
        happened.restarts++;
      }
    }
  })();
  try {
    const result = await work();
    isDone = true;
    await Promise.all([slowing, tormenting]);
    return { result, happened, lines };
  } finally {
    isDone = true;
    for (const child of [...killed, slow, full]) await end(child);
    for (const cable of cables) cable.close();
  }
}

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended.
  }
}
