import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { queueAnswer } from '../../src/contract/queue-answers.ts';
import { createServer } from '../../src/server/api.ts';
import { POLYSEME } from '../helpers/cli.ts';
import { expectOneLine } from '../helpers/expect.ts';
import { plantQueue } from '../helpers/planted-queue.ts';
import { end, freePort, hasRedis, startRedis } from '../helpers/queue-servers.mjs';

const get = async (server: ReturnType<typeof createServer>, path: string) =>
  (await server.fetch(new Request(`http://localhost${path}`))).json();

test.skipIf(!hasRedis)('a queue is told of as it is, and a server that is away as away', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'polyseme-served-queue-'));
  const port = await freePort();
  const url = `redis://:secret@127.0.0.1:${port}/2`;
  const served = createServer(null, { queue: url.replace(':secret@', '') });
  expect(await get(served, '/api/served')).toEqual({ study: false, trainings: false, queue: true });
  const away = queueAnswer.parse(await get(served, '/api/queue'));
  expect(away.queue).toBe(`127.0.0.1:${port}/2`);
  expect(away.unreachable).toMatch(/does not answer/);
  const redis = await startRedis(folder, port);
  const planted = await plantQueue(url.replace(':secret@', ''));
  try {
    await expect.poll(() => get(served, '/api/queue')).toMatchObject({ unreachable: null });
    const answer = queueAnswer.parse(await get(served, '/api/queue'));
    expect(answer.runs).toMatchObject([
      {
        ...{ run: '2f8a61c0d94be573', model: 'folio-5m', out: 'long-corpus.db', state: 'running' },
        ...{ stage: 'examples', total: 12, failed: 1, seconds: 63 },
      },
    ]);
    expect(answer.runs[0]!.done).toBeCloseTo(9 + 0.7 + 0.5);
    expect(answer.workers.map(({ name, done, isStraggler }) => [name, done, isStraggler])).toEqual([
      ['atlas-4121', 3, false],
      ['atlas-4122', 3, false],
      ['boreas-977', 3, true],
    ]);
    expect(answer.workers[2]!.job).toMatchObject({ job: 'examples 10', share: 0.7, isStraggler: true });
    expect(answer.failures).toMatchObject([{ job: 'examples 12', worker: 'atlas-4122', isFinal: true }]);
    expect(answer.failures[0]!.reason).toMatch(/^corpus\.jsonl: its text is not what was planned/);
    const none = createServer(null, { trainings: folder });
    expect(await get(none, '/api/queue')).toMatchObject({ status: 404 });
  } finally {
    await planted.close();
    await served.close();
    await end(redis);
    rmSync(folder, { recursive: true, force: true });
  }
  await expectOneLine(() => createServer(null, { queue: 'nowhere' }), /option queue is "nowhere"/);
});

test.skipIf(!hasRedis)('the command stops where its queue has gone, and fills no terminal', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'polyseme-served-queue-'));
  const port = await freePort();
  const redis = await startRedis(folder, port);
  const args = ['serve', '--queue', `redis://127.0.0.1:${port}`, '--port', '0'];
  const serving = spawn(process.execPath, [...POLYSEME, ...args]);
  let said = '';
  serving.stderr.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  try {
    const [line] = await once(serving.stdout.setEncoding('utf8'), 'data');
    const url = /http:\S+/.exec(line)![0];
    const unreachable = async (): Promise<string | null> =>
      queueAnswer.parse(await (await fetch(`${url}/api/queue`)).json()).unreachable;
    expect(await unreachable()).toBe(null);
    await end(redis);
    await expect
      .poll(unreachable, { timeout: 10_000 })
      .toMatch(/^the queue at 127\.0\.0\.1:\d+ does not answer/);
    const stopped = once(serving, 'close');
    serving.kill('SIGTERM');
    expect(await stopped).toEqual([0, null]);
    expect(said).toBe('');
  } finally {
    await end(serving);
    await end(redis);
    rmSync(folder, { recursive: true, force: true });
  }
});
