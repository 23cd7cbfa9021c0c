import type { Job } from 'bullmq';
import type { RunHooks, RunProgress } from '../run-hooks.ts';
import { Artefacts } from './artefacts.ts';
import { checkQueue, loadBull, QUEUE } from './connection.ts';
import { type JobData, jobId, stageJobs } from './jobs.ts';
import { nextStage, perform } from './perform.ts';

export interface WorkerOptions extends Pick<RunHooks, 'onNote' | 'onProgress'> {
  /** Address of the queue: redis://HOST[:PORT][/DATABASE] */
  readonly queue: string;
  /** The folder that all workers of the queue see. */
  readonly artefacts: string;
  readonly threads?: number;
  /** Seconds after which the job of a worker that shows no life is given to another; default 60. */
  readonly patience?: number;
  /** Hears of each job that is done, or that failed, and why. */
  readonly onJob?: (job: string, failure: string | null) => void;
}

/** A worker that works. */
export interface RunningWorker {
  /** Ends when the job at hand is done. */
  close(): Promise<void>;
}

/** Seconds between two words of a job's progress. */
const TELL_EVERY = 1;

/**
 * Works on the jobs of a queue, one at a time, until it is closed: shards of runs, merges, and shares of units (`runStudy`
 * on many machines, see `runQueued`).
 *
 * @throws PolysemeError where the queue cannot be reached, or is of another version
 * @example
 * const worker = await startWorker({ queue: 'redis://localhost', artefacts: '/shared/artefacts' });
 * await worker.close();
 */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { threads, patience = 60, onJob, onNote, onProgress } = options;
  const connection = await checkQueue(options.queue);
  const artefacts = await Artefacts.open(options.artefacts);
  const { Worker, Queue, FlowProducer } = await loadBull();
  const queue = new Queue<JobData, string>(QUEUE, { connection });
  const flows = new FlowProducer({ connection });
  const work = async (job: Job<JobData, string>): Promise<string> => {
    let told = 0;
    const tell = (progress: RunProgress): void => {
      onProgress?.(progress);
      if (performance.now() - told < TELL_EVERY * 1000) return;
      told = performance.now();
      job.updateProgress({ ...progress }).catch(() => {});
    };
    const before = Object.values(await job.getChildrenValues<string>());
    const given = await perform(job.data, before, artefacts, threads, { onNote, onProgress: tell });
    const { run, stage, number } = job.data;
    const next = number === null ? nextStage(stage, given) : null;
    // A worker that was killed between the two may have started it.
    if (next !== null && (await queue.getJob(jobId({ run, stage: next, number: null }))) === undefined) {
      await flows.add(stageJobs(run, next));
    }
    return given;
  };
  const worker = new Worker<JobData, string>(QUEUE, work, {
    connection,
    lockDuration: patience * 1000,
    stalledInterval: (patience * 1000) / 2,
    // A worker that dies is no fault of its job: only what a job throws counts as a try.
    maxStalledCount: 1000,
  });
  const complain = (error: Error): void => onNote?.(`queue: ${error.message}`);
  worker.on('error', complain);
  queue.on('error', complain);
  flows.on('error', complain);
  worker.on('completed', (job) => onJob?.(jobId(job.data), null));
  worker.on('failed', (job, error) => job && onJob?.(jobId(job.data), error.message));
  return {
    async close() {
      await worker.close();
      await Promise.all([queue.close(), flows.close()]);
    },
  };
}
