// The lock of an output, between real processes.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { lockOutput, withLock } from '../../src/base/lock.ts';
import { compiled } from '../helpers/cli.ts';

const root = mkdtempSync(join(tmpdir(), 'polyseme-lock-'));
let dir = '';
let count = 0;
beforeEach(() => {
  dir = join(root, String(count++));
  mkdirSync(dir);
});
afterAll(() => rmSync(root, { recursive: true }));

const HOLDER = compiled('test/helpers/hold-lock.mjs');

async function holder(out: string): Promise<ChildProcessByStdio<null, Readable, null>> {
  const child = spawn(process.execPath, [HOLDER, out], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

describe.each([
  ['a file', () => join(dir, 'study.db'), () => join(dir, 'study.db.lock')],
  ['a folder', () => dir, () => join(dir, 'polyseme.lock')],
])('%s', (_, out, lock) => {
  it('is kept by one process, named to the others, until it ends', async () => {
    const child = await holder(out());
    try {
      await expect(lockOutput(out(), 'writing')).rejects.toMatchObject({
        code: 'busy',
        message: `process ${child.pid} is writing ${out()}: wait for it or end it, or choose another output (option out)`,
      });
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    expect(existsSync(lock())).toBe(true);
    await withLock(out(), 'writing', async () => {
      await expect(lockOutput(out(), 'writing')).rejects.toThrow(`process ${process.pid} is writing`);
    });
    expect(readdirSync(dir)).toEqual([]);
  });

  it.each([
    ['a process that is gone', { pid: 2 ** 22 + 12345, host: hostname(), began: null }],
    ['an earlier process of this number', { pid: process.pid, host: hostname(), began: 'another boot 1' }],
    ['an earlier process of a living one’s number', { pid: process.ppid, host: hostname(), began: 'boot 1' }],
    ['nobody: it is damaged', '{"pid": "<b>"'],
    ['nobody: its writer was killed', ''],
  ])('left by %s is taken over, and what it had begun is removed', async (_name, mark) => {
    writeFileSync(lock(), typeof mark === 'string' ? mark : JSON.stringify(mark));
    const host = hostname().replaceAll(/[^A-Za-z0-9]/g, '_');
    writeFileSync(join(dir, `.study.db.${host}-${2 ** 22 + 12345}-0.incomplete`), 'half');
    await (await lockOutput(out(), 'writing'))();
    expect(readdirSync(dir)).toEqual([]);
  });

  it('is taken by one of many at the same time', async () => {
    writeFileSync(lock(), JSON.stringify({ pid: 2 ** 22 + 12345, host: hostname(), began: null }));
    const all = await Promise.allSettled(Array.from({ length: 8 }, () => lockOutput(out(), 'writing')));
    const taken = all.filter((one) => one.status === 'fulfilled');
    expect(taken).toHaveLength(1);
    for (const { value } of taken) await value();
    expect(readdirSync(dir)).toEqual([]);
  });
});

it('names a folder that is not there', async () => {
  const out = join(dir, 'none', 'study.db');
  await expect(lockOutput(out, 'writing')).rejects.toThrow(
    `cannot write ${out}: there is no folder ${join(dir, 'none')}`,
  );
});
