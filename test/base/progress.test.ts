import { expect, it } from 'vitest';
import { checkAborted, unlessAborted } from '../../src/base/progress.ts';

it('refuses once the signal is aborted', () => {
  const control = new AbortController();
  checkAborted(control.signal);
  checkAborted(undefined);
  control.abort();
  expect(() => checkAborted(control.signal)).toThrow(expect.objectContaining({ code: 'aborted' }));
});

it('waits for work, and stops waiting when it is told to', async () => {
  const control = new AbortController();
  expect(await unlessAborted(Promise.resolve(3), control.signal)).toBe(3);
  const never = new Promise<number>(() => {});
  const waiting = unlessAborted(never, control.signal);
  control.abort();
  await expect(waiting).rejects.toMatchObject({ name: 'PolysemeError', code: 'aborted' });
  await expect(unlessAborted(Promise.resolve(3), control.signal)).rejects.toMatchObject({ code: 'aborted' });
});

it('passes on an error of the work', async () => {
  await expect(
    unlessAborted(Promise.reject(new Error('broken')), new AbortController().signal),
  ).rejects.toThrow('broken');
});
