import { afterAll, describe, expect, it } from 'vitest';
import { connect, connectAll } from '../../src/base/worker.ts';
import { PolysemeError } from '../../src/errors.ts';
import type { EchoMethods } from './echo-worker.ts';

/** Memory that the threads count in. */
const shared = new Int32Array(new SharedArrayBuffer(8));

const worker = connect<EchoMethods>(new URL('./echo-worker.js', import.meta.url));
afterAll(() => worker.close());

it('answers calls in their order', async () => {
  expect(await Promise.all([1, 2, 3].map((value) => worker.call('echo', value)))).toEqual([1, 2, 3]);
});

it('carries the code of an error across the thread', async () => {
  const error = await worker.call('refuse', 'no-space').catch((error: unknown) => error);
  expect(error).toBeInstanceOf(PolysemeError);
  expect(error).toMatchObject({ message: 'refused', code: 'no-space' });
});

it("keeps a bug's stack, as no PolysemeError", async () => {
  const error = await worker.call('fail', undefined as never).catch((error: unknown) => error);
  expect(error).not.toBeInstanceOf(PolysemeError);
  expect((error as Error).stack).toContain('echo-worker');
});

describe('several workers', () => {
  const crew = connectAll<EchoMethods>(
    new URL('./echo-worker.js', import.meta.url),
    [0, 1, 2].map((index) => ({ index, shared })),
  );
  afterAll(() => crew.close());

  it('answer in their order, each with its own setup', async () => {
    expect(await crew.callAll('index', undefined as never)).toEqual([0, 1, 2]);
  });

  it('share memory and have all finished before an error is thrown', async () => {
    await expect(crew.callAll('countOrRefuse', 1)).rejects.toMatchObject({ code: 'damaged' });
    expect(Atomics.load(shared, 0)).toBe(2);
  });
});

it('finishes the running call, refuses those that wait, and frees what it holds before it ends', async () => {
  const one = connect<EchoMethods>(new URL('./echo-worker.js', import.meta.url), { index: 0, shared });
  const before = Atomics.load(shared, 1);
  const calls = [one.call('index', undefined as never), one.call('index', undefined as never)];
  const settled = Promise.allSettled(calls);
  await one.close();
  expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(Atomics.load(shared, 1)).toBe(before + 1);
  expect(() => one.checkAlive()).toThrow('closed');
  await expect(one.call('echo', 1)).rejects.toThrow('closed');
  await one.close();
});

it('begins no call that waits when it is closed', async () => {
  const counted = new Int32Array(new SharedArrayBuffer(8));
  const one = connect<EchoMethods>(new URL('./echo-worker.js', import.meta.url), {
    index: 0,
    shared: counted,
  });
  const calls = Array.from({ length: 400 }, () => one.call('work', undefined as never));
  const settled = Promise.allSettled(calls);
  await calls[0];
  await one.close();
  await settled;
  expect(Atomics.load(counted, 0)).toBeLessThan(400);
  expect(Atomics.load(counted, 1)).toBe(1);
});

it('answers with the error with which a thread ended', async () => {
  const one = connect<EchoMethods>(new URL('./echo-worker.js', import.meta.url));
  await expect(one.call('die', undefined as never)).rejects.toThrow('out of its methods');
  await expect(one.call('echo', 1)).rejects.toThrow('out of its methods');
  await one.close();
});
