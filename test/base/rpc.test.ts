import { afterAll, expect, it } from 'vitest';
import { connect } from '../../src/base/rpc.ts';
import { PolysemeError } from '../../src/errors.ts';
import type { EchoMethods } from './echo-worker.ts';

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
