import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createRandom } from '../../../src/base/random.ts';
import { type RunOptions, type RunProgress, runQueued, runStudy, startWorker } from '../../../src/index.ts';
import { compiled, POLYSEME } from '../../helpers/cli.ts';
import { expectOneLine } from '../../helpers/expect.ts';
import { writePieces, writeSae } from '../../helpers/frozen.mjs';
import {
  CREDENTIALS,
  childrenOf,
  end,
  freePort,
  hasRedis,
  startBucket,
  startRedis,
} from '../../helpers/queue-servers.mjs';
import { torment } from '../../helpers/torment-queue.mjs';

if (!hasRedis) console.warn('redis-server is not installed: the tests of the queue are skipped');

const folder = mkdtempSync(join(tmpdir(), 'polyseme-queue-'));
const data = join(folder, 'pieces.jsonl');
const OPTIONS: RunOptions = {
  data,
  layers: [],
  sae: [join(folder, 'topk')],
  context: 40,
  examples: 8,
  threads: 1,
};
afterAll(() => rmSync(folder, { recursive: true, force: true }));
/** Seconds after which a silent worker's job goes to another. */
const patience = 2;
const WORKER = compiled('test/helpers/run-worker.mjs');

describe.skipIf(!hasRedis)('a run by the workers of a queue', () => {
  let undivided: string | null;
  let made = 0;
  let server: ChildProcess;
  let port: number;
  const started: ChildProcess[] = [];
  beforeAll(async () => {
    await writePieces(data);
    const at = { dIn: 256, modelName: 'folio-5m', hookName: 'blocks.0.hook_resid_post' };
    await writeSae(join(folder, 'topk'), { ...at, architecture: 'topk', k: 5, dSae: 48 }, { seed: 1 });
    undivided = (await runStudy({ ...OPTIONS, out: join(folder, 'whole.db') })).contentHash;
    port = await freePort();
    server = await startRedis(folder, port);
  });
  afterEach(async () => {
    for (const child of started.splice(0)) await end(child);
  });
  afterAll(() => end(server));

  /** A database of its own for each test. */
  function place() {
    made++;
    const queue = `redis://127.0.0.1:${port}/${made}`;
    return { queue, artefacts: join(folder, `artefacts-${made}`), out: join(folder, `queued-${made}.db`) };
  }

  /** A worker, in a process of its own. */
  function worker(at: { queue: string; artefacts: string }): ChildProcess {
    const options = { queue: at.queue, artefacts: at.artefacts, threads: 1, patience };
    const child = spawn(process.execPath, [WORKER, JSON.stringify(options)]);
    started.push(child);
    return child;
  }

  const doneIn = (artefacts: string) =>
    readdirSync(artefacts).filter((name) => name.endsWith('.done')).length;

  // The whole of it is test/long/queue.ts.
  test('killed, slow, full, cut off, their server started anew: the study of the undivided run', async () => {
    for (const [name, value] of Object.entries(CREDENTIALS)) vi.stubEnv(name, value);
    const [store, own] = [await startBucket(join(folder, 'bucket')), await freePort()];
    let redis = await startRedis(folder, own);
    const at = {
      queue: `redis://127.0.0.1:${own}`,
      artefacts: 's3://things',
      artefactsEndpoint: `http://127.0.0.1:${store.port}`,
    };
    try {
      const random = createRandom(5);
      const seen: RunProgress[] = [];
      const { result, happened, lines } = await torment({
        worker: WORKER,
        options: { ...at, threads: 1, patience },
        redis: {
          port: own,
          async restart() {
            await end(redis);
            redis = await startRedis(folder, own);
          },
        },
        store,
        kills: 3,
        cutFor: 1000,
        random: () => random.next(),
        work: () =>
          runQueued({
            ...OPTIONS,
            ...at,
            out: join(folder, 'tormented.db'),
            shards: 4,
            onProgress: (progress) => seen.push(progress),
          }),
      });
      expect(result.contentHash).toBe(undivided);
      expect(happened).toEqual({ kills: 3, cuts: 1, restarts: 1 });
      expect(lines.some((line: string) => /ended: the disk of .* is full/.test(line))).toBe(true);
      expect(seen.some(({ stage, what }) => stage === 'queue' && /^examples by \d workers?/.test(what))).toBe(
        true,
      );
    } finally {
      await end(redis);
      await store.close();
      vi.unstubAllEnvs();
    }
  });

  test('a job that computes for longer than a silent worker is waited for is not taken for stalled', async () => {
    const at = place();
    const working = worker(at);
    const seen: number[] = [];
    working.stdout!.setEncoding('utf8');
    const running = runQueued({ ...OPTIONS, ...at, shards: 2 });
    running.catch(() => {});
    // Its process for jobs stands still with the second job at hand, as one does that computes without a pause.
    await once(working.stdout!, 'data');
    const [pid] = childrenOf(working.pid!);
    process.kill(pid!, 'SIGSTOP');
    const { Queue } = await import('bullmq');
    const { hostname: host, port: at6379, pathname } = new URL(at.queue);
    const queue = new Queue('polyseme', {
      connection: { host, port: Number(at6379), db: Number(pathname.slice(1)) },
    });
    for (const until = Date.now() + 1.5 * patience * 1000; Date.now() < until; await wait(100)) {
      seen.push((await queue.getActive()).length);
    }
    process.kill(pid!, 'SIGCONT');
    expect(seen.at(-1)).toBe(1);
    expect((await running).contentHash).toBe(undivided);
    const jobs = await queue.getCompleted();
    expect(jobs.map(({ stalledCounter, attemptsStarted }) => [stalledCounter, attemptsStarted])).toEqual(
      jobs.map(() => [0, 1]),
    );
    // Two shards in two rounds, their merges, two shares of the units and the study, each once.
    expect(jobs.length).toBe(2 * 2 + 2 + 2 + 1);
    await queue.close();
    // A second call finds it.
    expect((await runQueued({ ...OPTIONS, ...at, shards: 2 })).contentHash).toBe(undivided);
  });

  test('a worker that is stopped gives its job back at once, and says no more', async () => {
    const at = place();
    const running = runQueued({ ...OPTIONS, ...at, shards: 2 });
    running.catch(() => {});
    // A group of its own, whose processes all get the signal, as those of a terminal do at Ctrl-C.
    const args = ['worker', '--queue', at.queue, '--artefacts', at.artefacts, '--threads', '1'];
    const stopped = spawn(process.execPath, [...POLYSEME, ...args], { detached: true });
    started.push(stopped);
    let said = '';
    stopped.stderr.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
    await once(stopped.stdout, 'data');
    const { Queue } = await import('bullmq');
    const { hostname: host, port: number, pathname } = new URL(at.queue);
    const queue = new Queue('polyseme', {
      connection: { host, port: Number(number), db: Number(pathname.slice(1)) },
    });
    await expect.poll(() => queue.getActiveCount(), { timeout: 60_000 }).toBe(1);
    const [job] = await queue.getActive();
    const [inner] = childrenOf(stopped.pid!);
    process.kill(-stopped.pid!, 'SIGINT');
    expect((await once(stopped, 'close'))[0]).toBe(0);
    // Not after the minute in which it would be missed.
    expect(await queue.getActiveCount()).toBe(0);
    expect(() => process.kill(inner!, 0)).toThrow(/ESRCH/);
    expect(said.replaceAll(/^(harvest|examples|plan)\b.*\n/gm, '')).toBe(
      'note: stopping: a job at hand goes to another worker\n',
    );
    worker(at);
    expect((await running).contentHash).toBe(undivided);
    const again = await queue.getJob(job!.id!);
    expect([again!.stalledCounter, again!.attemptsMade, again!.attemptsStarted]).toEqual([0, 1, 2]);
    await queue.close();
  });

  test('a shard that fails three times is named with its reason, and the rest is kept', async () => {
    const at = place();
    const text = readFileSync(data, 'utf8');
    const planned = runQueued({ ...OPTIONS, ...at, shards: 4 });
    planned.catch(() => {});
    // The plan is made; then the last document changes.
    while (!readdirSync(folder).includes(`queued-${made}.db.plan`)) await wait(50);
    await wait(500);
    writeFileSync(data, text.replace('Once upon a time', 'Once upon a day'));
    const working = await startWorker({ ...at, threads: 1, patience });
    try {
      await expectOneLine(
        () => planned,
        /1 of the run's jobs failed; examples 4: .*its text is not what was planned.*\(tried 3 times\)\. What is done is kept/,
      );
      writeFileSync(data, text);
      expect(doneIn(at.artefacts)).toBe(3);
      // One that was damaged in the meantime is made anew.
      const done = readdirSync(at.artefacts).find((name) => name.endsWith('examples-1.done'))!;
      writeFileSync(join(at.artefacts, readFileSync(join(at.artefacts, done), 'utf8')), 'nothing');
      expect((await runQueued({ ...OPTIONS, ...at, shards: 4, overwrite: true })).contentHash).toBe(
        undivided,
      );
    } finally {
      writeFileSync(data, text);
      await working.close();
    }
  });

  // These two wait for most of their time: together.
  test.concurrent('a server that is away is told of once, and once when it is back; a worker may leave one that is gone', async ({
    expect,
  }) => {
    const own = await freePort();
    let redis = await startRedis(folder, own);
    const queue = `redis://127.0.0.1:${own}`;
    const at = { ...place(), queue };
    const notes: string[] = [];
    // A run that has no worker, as the worker is at another database.
    const control = new AbortController();
    const alone = runQueued({
      ...OPTIONS,
      ...at,
      shards: 2,
      signal: control.signal,
      onNote: (line) => notes.push(`run: ${line}`),
    });
    alone.catch(() => {});
    await expect.poll(() => notes, { timeout: 60_000 }).toHaveLength(1);
    const working = await startWorker({
      ...at,
      queue: `${queue}/1`,
      onNote: (line) => notes.push(`worker: ${line}`),
    });
    const told = (what: string) =>
      ['', '/1'].map(
        (database, i) => `${['run', 'worker'][i]}: the queue at 127.0.0.1:${own}${database} ${what}`,
      );
    const ofServer = () => notes.filter((line) => line.includes('the queue at')).sort();
    const away = told('does not answer: waiting for it');
    try {
      await end(redis);
      await expect.poll(ofServer, { timeout: 10_000 }).toEqual(away);
      // Long enough for several tries.
      await wait(3000);
      redis = await startRedis(folder, own);
      await expect.poll(ofServer, { timeout: 30_000 }).toEqual([...away, ...told('answers again')].sort());
      expect(notes).toHaveLength(5);
    } finally {
      control.abort();
      await expect(alone).rejects.toThrow(/stopped|aborted/);
      await end(redis);
      await working.leave();
    }
  });

  test.concurrent('workers that come back later than the run are waited for', async ({ expect }) => {
    const own = await freePort();
    let redis = await startRedis(folder, own);
    const at = { ...place(), queue: `redis://127.0.0.1:${own}` };
    const { Queue, Worker } = await import('bullmq');
    // It never ends its job. As any worker it tries again every second, from the eighth time on after 3, 8 and then 20: after
    // twelve seconds it has just tried in vain. A run tries every two.
    const connection = { host: '127.0.0.1', port: own };
    const worker = new Worker('polyseme', () => new Promise(() => {}), { connection });
    worker.on('error', () => {});
    await worker.waitUntilReady();
    const control = new AbortController();
    const notes: string[] = [];
    const run = runQueued({
      ...OPTIONS,
      ...at,
      shards: 2,
      signal: control.signal,
      onNote: (line) => notes.push(line),
    });
    run.catch(() => {});
    try {
      await expect.poll(() => readdirSync(at.artefacts), { timeout: 60_000 }).not.toEqual([]);
      await wait(1000);
      await end(redis);
      await wait(12_000);
      redis = await startRedis(folder, own);
      await expect.poll(() => notes.at(-1), { timeout: 30_000 }).toMatch('answers again');
      const queue = new Queue('polyseme', { connection });
      await expect.poll(() => queue.getWorkersCount(), { timeout: 60_000 }).toBe(1);
      await queue.close();
      expect(notes).toEqual([
        expect.stringContaining('does not answer: waiting for it'),
        expect.stringContaining('answers again'),
      ]);
    } finally {
      control.abort();
      await expect(run).rejects.toThrow(/stopped|aborted/);
      await worker.close(true);
      await end(redis);
    }
  });

  test('what cannot be is named', async () => {
    const at = place();
    const dead = `redis://127.0.0.1:${await freePort()}`;
    await expectOneLine(
      () => runQueued({ ...OPTIONS, ...at, queue: dead, shards: 2 }),
      /the queue at 127\.0\.0\.1:\d+ does not answer/,
    );
    await expectOneLine(
      () => startWorker({ ...at, queue: 'http://x' }),
      /option queue is "http:\/\/x": it must be redis:/,
    );
    await expectOneLine(
      () => startWorker({ ...at, queue: at.queue.replace(/\d+$/, '99') }),
      /the queue at 127\.0\.0\.1:\d+ has no database 99 \(ERR DB index is out of range\)/,
    );
    await expectOneLine(
      () => startWorker({ ...at, queue: at.queue.replace(/\d+$/, 'jobs') }),
      /option queue is ".*\/jobs": it must be redis:/,
    );
    const { Redis } = await import('ioredis');
    const redis = new Redis(at.queue);
    await redis.set('polyseme:version', '0.0.9');
    await expectOneLine(() => startWorker(at), /is of Polyseme 0\.0\.9, and this is/);
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await expectOneLine(() => startWorker(at), /may forget jobs: its maxmemory-policy is allkeys-lru/);
    await redis.config('SET', 'maxmemory-policy', 'noeviction');
    redis.disconnect();
  });
});
