// A queue with a run under way, as workers would leave it: for tests of what is told of one.
import { FlowProducer, Queue, UnrecoverableError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { checkQueue, QUEUE } from '../../src/run/queue/connection.ts';
import { type JobData, jobId, stageJobs } from '../../src/run/queue/jobs.ts';

const PLAN = '2f8a61c0d94be573'.padEnd(64, '0');
/** What the queue says that somebody else has chosen. */
export const WORDS = {
  model: 'folio-5m',
  out: 'long-corpus.db',
  workers: ['atlas-4121', 'atlas-4122', 'boreas-977'] as readonly string[],
  reason: 'corpus.jsonl: its text is not what was planned (context 1181); put it back, or plan anew',
};
/** Seconds that each job of the first stage took, by shard; those of the third worker take longest. */
const TOOK = [61, 58, 64, 250, 60, 63, 259, 57, 241];

/**
 * Twelve shards: nine done by three workers, of which one is four times as slow; one at hand for ten minutes, one for half
 * a minute; and one that failed for good.
 */
export async function plantQueue(url: string, words = WORDS): Promise<{ close(): Promise<void> }> {
  const { model, out, reason } = words;
  const [first, second, third] = words.workers as [string, string, string];
  const connection = await checkQueue(url);
  const [queue, flows, redis] = [
    new Queue<JobData, string>(QUEUE, { connection }),
    new FlowProducer({ connection }),
    new Redis(url),
  ];
  const run = { plan: PLAN, shards: 12, shares: 12, model, out };
  const stage = { name: 'examples', after: null } as const;
  let taken = 0;
  let release = (): void => {};
  const held = new Promise<string>((resolve) => {
    release = () => resolve('');
  });
  const work = async (job: { data: JobData }): Promise<string> => {
    taken++;
    const { number } = job.data;
    if (number === 12) throw new UnrecoverableError(reason);
    return number === 10 || number === 11 ? held : `${number}`;
  };
  await flows.add(stageJobs(run, stage));
  const quick = new Worker<JobData, string>(QUEUE, work, { connection, name: first, concurrency: 20 });
  while (taken < 12 || (await queue.getCompletedCount()) < 9 || (await queue.getFailedCount()) < 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const others = [second, third].map((name) => new Worker(QUEUE, work, { connection, name }));
  await Promise.all(others.map((worker) => worker.waitUntilReady()));
  const now = Date.now();
  const edit = (number: number, worker: string, started: number, ended: number | null) =>
    redis.hset(`bull:${QUEUE}:${jobId({ run, stage, number })}`, {
      pb: worker,
      processedOn: now - 1000 * started,
      ...(ended !== null && { finishedOn: now - 1000 * ended }),
    });
  for (const [i, seconds] of TOOK.entries()) {
    await edit(i + 1, seconds > 200 ? third : [first, second][i % 2]!, 900, 900 - seconds);
  }
  await edit(10, third, 600, null);
  await edit(11, first, 30, null);
  await edit(12, second, 200, 180);
  const told = { stage: 'harvest', unit: 'contexts', what: 'examples' };
  const tell = async (number: number, done: number, tokens: number) =>
    (await queue.getJob(jobId({ run, stage, number })))!.updateProgress({
      ...told,
      done,
      total: 1000,
      tokens,
    });
  await tell(10, 700, 88_000);
  await tell(11, 500, 63_000);
  return {
    async close() {
      release();
      await Promise.all([quick, ...others].map((worker) => worker.close()));
      await Promise.all([queue.close(), flows.close()]);
      redis.disconnect();
    },
  };
}
