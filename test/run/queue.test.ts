import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { writeSealed } from '../../src/base/sealed-file.ts';
import { type RunOptions, type RunProgress, runQueued, runStudy, startWorker } from '../../src/index.ts';
import { Artefacts } from '../../src/run/queue/artefacts.ts';
import { compiled } from '../helpers/cli.ts';
import { expectOneLine } from '../helpers/expect.ts';
import { writePieces, writeSae } from '../helpers/frozen.mjs';

const hasRedis = spawnSync('redis-server', ['--version']).status === 0;
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
let undivided: string | null;
let made = 0;

/** Seconds after which a silent worker's job goes to another. */
const patience = 2;
const started: ChildProcess[] = [];

async function startRedis(port: number, ...more: string[]): Promise<ChildProcess> {
  const server = spawn('redis-server', ['--port', `${port}`, '--dir', folder, '--save', '', ...more]);
  started.push(server);
  for await (const chunk of server.stdout!) if (/Ready to accept/.test(String(chunk))) break;
  return server;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

/** A worker, in a process of its own. */
function worker(queue: string, artefacts: string): ChildProcess {
  const child = spawn(process.execPath, [
    compiled('test/helpers/run-worker.mjs'),
    JSON.stringify({ queue, artefacts, threads: 1, patience }),
  ]);
  started.push(child);
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill(signal);
  await closed;
}

test('an artefact that is not what its name says counts for nothing, and is named', async () => {
  const artefacts = await Artefacts.open(join(folder, 'artefacts-alone'));
  const make = (value: number) => (path: string) => writeSealed(path, { format: 1, value }, []);
  const [one, two] = [await artefacts.give('job-1', make(1)), await artefacts.give('job-2', make(2))];
  expect(await artefacts.given('job-1')).toBe(one);
  expect(await artefacts.given('job-3')).toBeNull();
  writeFileSync(artefacts.path(one), readFileSync(artefacts.path(two)));
  expect(await artefacts.given('job-1')).toBeNull();
  await expectOneLine(() => artefacts.paths([two, one]), /is damaged: its SHA-256 is not its name/);
  expect(await artefacts.give('job-1', make(1))).toBe(one);
  expect(await artefacts.given('job-1')).toBe(one);
});

describe.skipIf(!hasRedis)('a run by the workers of a queue', () => {
  let port: number;
  let queue: string;
  beforeAll(async () => {
    await writePieces(data);
    const at = { dIn: 256, modelName: 'folio-5m', hookName: 'blocks.0.hook_resid_post' };
    await writeSae(join(folder, 'topk'), { ...at, architecture: 'topk', k: 5, dSae: 48 }, { seed: 1 });
    undivided = (await runStudy({ ...OPTIONS, out: join(folder, 'whole.db') })).contentHash;
    port = await freePort();
    await startRedis(port);
  });
  afterEach(async () => {
    // All but the server, which is the first.
    for (const child of started.splice(1)) await end(child);
  });
  afterAll(async () => {
    for (const child of started) await end(child);
  });

  /** A database of its own for each test. */
  function place() {
    made++;
    queue = `redis://127.0.0.1:${port}/${made}`;
    return { queue, artefacts: join(folder, `artefacts-${made}`), out: join(folder, `queued-${made}.db`) };
  }

  test('killed again and again, they make the study of the undivided run, and nothing twice', async () => {
    const at = place();
    const random = createRandom(5);
    const workers = [worker(at.queue, at.artefacts), worker(at.queue, at.artefacts)];
    let isDone = false;
    const killing = (async () => {
      for (let kills = 0; kills < 8 && !isDone; kills++) {
        await wait(700 + 1500 * random.next());
        const i = Math.floor(random.next() * workers.length);
        await end(workers[i]!);
        workers[i] = worker(at.queue, at.artefacts);
      }
    })();
    const seen: RunProgress[] = [];
    const info = await runQueued({
      ...OPTIONS,
      ...at,
      shards: 5,
      onProgress: (progress) => seen.push(progress),
    });
    isDone = true;
    await killing;
    expect(info.contentHash).toBe(undivided);
    expect(seen.some(({ stage, what }) => stage === 'queue' && /^examples by \d workers/.test(what))).toBe(
      true,
    );
    // Five shards in two rounds, their merges, and five shares of the units, each once.
    const done = readdirSync(at.artefacts).filter((name) => name.endsWith('.done'));
    expect(done.length).toBe(2 * 5 + 2 + 5);
    // A second call finds it.
    expect((await runQueued({ ...OPTIONS, ...at, shards: 5 })).contentHash).toBe(undivided);
  }, 240_000);

  test('one that is stopped, and a server that starts again with nothing, change nothing', async () => {
    const at = place();
    const other = await freePort();
    at.queue = `redis://127.0.0.1:${other}`;
    const server = await startRedis(other);
    const [stopped] = [worker(at.queue, at.artefacts), worker(at.queue, at.artefacts)];
    const running = runQueued({ ...OPTIONS, ...at, select: 'fraction', shards: 4 });
    running.catch(() => {});
    while (!existsSync(at.artefacts) || !readdirSync(at.artefacts).some((name) => name.endsWith('.done'))) {
      await wait(50);
    }
    stopped!.kill('SIGSTOP');
    await wait(1000);
    await end(server);
    await wait(1000);
    await startRedis(other);
    const whole = runStudy({ ...OPTIONS, select: 'fraction', out: join(folder, 'fraction.db') });
    expect((await running).contentHash).toBe((await whole).contentHash);
    stopped!.kill('SIGCONT');
  }, 240_000);

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
      const before = readdirSync(at.artefacts).filter((name) => name.endsWith('.done')).length;
      expect(before).toBe(3);
      expect((await runQueued({ ...OPTIONS, ...at, shards: 4, overwrite: true })).contentHash).toBe(
        undivided,
      );
    } finally {
      writeFileSync(data, text);
      await working.close();
    }
  }, 240_000);

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
