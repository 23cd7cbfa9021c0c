import { expect, it } from 'vitest';
import { WorkQueue } from '../../src/server/explain/queue.ts';

const live = new AbortController().signal;

/** A job that ends when it is told to. */
function job() {
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const state = {
    started: false,
    end: () => end(),
    async run(): Promise<void> {
      state.started = true;
      await ended;
    },
  };
  return state;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

it('runs a job at a time, in order, and goes on after a failure', async () => {
  const queue = new WorkQueue(4);
  const [a, b] = [job(), job()];
  const first = queue.run(live, a.run);
  const second = queue.run(live, () => Promise.reject(new Error('broken')));
  const third = queue.run(live, b.run);
  await turn();
  expect([a.started, b.started]).toEqual([true, false]);
  second.catch(() => {});
  a.end();
  await first;
  await expect(second).rejects.toThrow('broken');
  await turn();
  expect(b.started).toBe(true);
  b.end();
  await third;
});

it('sends away what is too much, with the time to wait', async () => {
  const queue = new WorkQueue(1);
  const [a, b] = [job(), job()];
  const running = [queue.run(live, a.run), queue.run(live, b.run)];
  await expect(queue.run(live, job().run)).rejects.toMatchObject({
    status: 429,
    headers: { 'retry-after': expect.stringMatching(/^\d+$/) },
  });
  a.end();
  b.end();
  await Promise.all(running);
  await queue.run(live, async () => {});
});

it('gives up the place of a client that has gone', async () => {
  const queue = new WorkQueue(1);
  const [a, b, c] = [job(), job(), job()];
  const first = queue.run(live, a.run);
  const gone = new AbortController();
  const second = queue.run(gone.signal, b.run);
  gone.abort();
  await expect(second).rejects.toMatchObject({ code: 'aborted' });
  const third = queue.run(live, c.run);
  a.end();
  await first;
  await turn();
  expect([b.started, c.started]).toEqual([false, true]);
  c.end();
  await third;
  await expect(queue.run(gone.signal, async () => {})).rejects.toMatchObject({ code: 'aborted' });
});
