import type { Job, Queue } from 'bullmq';
import type { RunProgress } from '../run-hooks.ts';
import { checkQueue, connectTo, loadBull, QUEUE } from './connection.ts';
import type { JobData } from './jobs.ts';
import { type JobFacts, type QueueFacts, type QueueReport, reportQueue, stageKey } from './queue-report.ts';

/** Most jobs that are looked at: of those done, the latest; and of each other kind. */
const DONE = 1000;
const OTHERS = 500;

/** What goes on in a queue, for those that look again and again. */
export interface WatchedQueue {
  report(): Promise<QueueReport>;
  close(): void;
}

/** @throws PolysemeError where the queue does not answer, or is of another version */
export async function watchQueue(url: string): Promise<WatchedQueue> {
  const options = await checkQueue(url);
  const { Queue } = await loadBull();
  // Where the server goes, it fails instead of waiting for it.
  const client = await connectTo({ ...options, retryStrategy: () => null });
  const queue = new Queue<JobData, string>(QUEUE, { connection: client.redis });
  queue.on('error', () => {});
  return {
    report: async () => reportQueue(await queueFacts(queue), Date.now()),
    close: client.end,
  };
}

/** What a queue's server has. */
export async function queueFacts(queue: Queue<JobData, string>): Promise<QueueFacts> {
  const [clients, running, done, failed, again, kept, waiting] = await Promise.all([
    queue.getWorkers(),
    queue.getActive(0, OTHERS - 1),
    queue.getCompleted(0, DONE - 1),
    queue.getFailed(0, OTHERS - 1),
    queue.getDelayed(0, OTHERS - 1),
    queue.getWaitingChildren(0, OTHERS - 1),
    queue.getWaiting(0, OTHERS - 1),
  ]);
  const counts = new Map<string, number>();
  for (const job of [...kept, ...running]) {
    if (job?.data.number !== null) continue;
    const { processed = 0 } = await job.getDependenciesCount({ processed: true });
    counts.set(stageKey(job.data.run, job.data.stage.name), processed);
  }
  const facts = (jobs: readonly Job<JobData, string>[], state: JobFacts['state']): JobFacts[] =>
    // One that is removed in between is undefined.
    jobs.filter((job) => job !== undefined).map((job) => jobFacts(job, state));
  return {
    workers: clients.map(({ rawname = '' }) => rawname.split(':w:')[1] ?? '').filter((name) => name !== ''),
    jobs: [
      ...facts(running, 'running'),
      ...facts(done, 'done'),
      ...facts(failed, 'failed'),
      ...facts(again, 'again'),
      ...facts([...kept, ...waiting], 'kept'),
    ],
    done: counts,
  };
}

function jobFacts(job: Job<JobData, string>, state: JobFacts['state']): JobFacts {
  const { run, stage, number } = job.data;
  const { done = 0, total = 0, tokens = 0 } = job.progress as Partial<RunProgress>;
  return {
    run,
    stage: stage.name,
    number,
    state,
    worker: job.processedBy ?? null,
    started: job.processedOn ?? null,
    ended: job.finishedOn ?? null,
    failures: job.attemptsMade,
    reason: job.failedReason || null,
    share: total > 0 ? Math.min(1, done / total) : 0,
    tokens,
  };
}
