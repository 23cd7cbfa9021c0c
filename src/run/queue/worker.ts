import { hostname } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import type { Job } from 'bullmq';
import { PolysemeError } from '../../errors.ts';
import type { RunHooks, RunProgress } from '../run-hooks.ts';
import { type ArtefactsPlace, checkPlace } from './artefacts.ts';
import { checkQueue, connectTo, loadBull, QUEUE } from './connection.ts';
import { JobProcess } from './job-process.ts';
import { type JobData, jobId, stageJobs } from './jobs.ts';
import { patiently } from './patiently.ts';
import { nextStage } from './perform.ts';

export interface WorkerOptions extends ArtefactsPlace, Pick<RunHooks, 'onNote' | 'onProgress'> {
  /** Address of the queue: redis://HOST[:PORT][/DATABASE] */
  readonly queue: string;
  readonly threads?: number;
  /** Seconds after which the job of a worker that shows no life is given to another; default 60. */
  readonly patience?: number;
  /** Hears of each job that is done, or that failed, and why. */
  readonly onJob?: (job: string, failure: string | null) => void;
}

/** A worker that works. */
export interface RunningWorker {
  /** `HOST-PROCESS`, as the explorer's page of the queue calls it. */
  readonly name: string;
  /**
   * Resolves when the worker has ended by itself, with the reason: its disk is full, or it cannot reach model, data or
   * artefacts. Its job goes to another worker, and that is no fault of the job.
   */
  readonly ended: Promise<PolysemeError>;
  /** Ends when the job at hand is done. */
  close(): Promise<void>;
  /** Ends at once: the job at hand goes to another worker, and that does not count as a try. */
  leave(): Promise<void>;
}

/** Seconds between two words of a job's progress. */
const TELL_EVERY = 1;
/** Milliseconds that a queue has to take a job back: one that does not answer gives it to another worker by itself. */
const GIVE_BACK = 3000;

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
  const { queue: url, artefacts: place, artefactsEndpoint, threads, patience = 60, ...hooks } = options;
  const { onJob, onNote, onProgress } = hooks;
  checkPlace({ artefacts: place, artefactsEndpoint });
  const address = await checkQueue(url);
  const [jobs, { Worker, Queue, FlowProducer, DelayedError, isNotConnectionError }] = await Promise.all([
    JobProcess.start({ artefacts: place, artefactsEndpoint }, threads),
    loadBull(),
  ]);
  const client = await connectTo(address, onNote);
  const queue = new Queue<JobData, string>(QUEUE, { connection: client.redis });
  const flows = new FlowProducer({ connection: client.redis });
  const name = `${hostname()}-${process.pid}`;
  let end: (why: PolysemeError) => void;
  const ended = new Promise<PolysemeError>((resolve) => {
    end = resolve;
  });
  let isLeaving = false;
  /** Gives a job back without counting as a try. */
  const giveBack = async (job: Job<JobData, string>, token?: string): Promise<never> => {
    // Of a server that has forgotten it, it need not be given back.
    await job.moveToDelayed(Date.now() + 1, token).catch(() => {});
    throw new DelayedError();
  };
  const work = async (job: Job<JobData, string>, token?: string): Promise<string> => {
    if (isLeaving) return giveBack(job, token);
    let told = 0;
    const tell = (progress: RunProgress): void => {
      onProgress?.(progress);
      if (performance.now() - told < TELL_EVERY * 1000) return;
      told = performance.now();
      job.updateProgress({ ...progress }).catch(() => {});
    };
    const before = Object.values(await job.getChildrenValues<string>());
    const given = await jobs
      .perform(job.data, before, { onNote, onProgress: tell })
      .catch(async (error: Error) => {
        if (isLeaving) return giveBack(job, token);
        if (!isOwn(error)) throw error;
        // Nothing more is taken: the next job would fail here as fast.
        await worker.pause(true);
        return giveBack(job, token).finally(() => end(error));
      });
    const { run, stage, number } = job.data;
    const next = number === null ? nextStage(stage, given) : null;
    if (next !== null) {
      await patiently('the queue', async () => {
        // A worker that was killed between the two may have started it.
        const there = await queue.getJob(jobId({ run, stage: next, number: null }));
        if (there === undefined) await flows.add(stageJobs(run, next));
      });
    }
    return given;
  };
  const worker = new Worker<JobData, string>(QUEUE, work, {
    connection: address,
    name,
    lockDuration: patience * 1000,
    stalledInterval: (patience * 1000) / 2,
    // A worker that dies is no fault of its job: only what a job throws counts as a try.
    maxStalledCount: 1000,
  });
  // That the queue is away, its client tells.
  const complain = (error: Error): void => {
    if (isNotConnectionError(error) && !('syscall' in error)) onNote?.(`queue: ${error.message}`);
  };
  worker.on('error', complain);
  queue.on('error', complain);
  flows.on('error', complain);
  worker.on('completed', (job) => onJob?.(jobId(job.data), null));
  worker.on('failed', (job, error) => job && onJob?.(jobId(job.data), error.message));
  return {
    name,
    ended,
    async close() {
      await worker.close();
      await jobs.close();
      client.end();
    },
    async leave() {
      isLeaving = true;
      const left = Promise.all([worker.pause(true), jobs.stop()]).then(() => worker.close());
      await Promise.race([left.catch(() => {}), wait(GIVE_BACK)]);
      // What waits for a server that is away waits no longer.
      client.end();
      worker.disconnect().catch(() => {});
    },
  };
}

/** Whether a job failed for what its worker's machine lacks, so that another may do it. */
function isOwn(error: Error): error is PolysemeError {
  return error instanceof PolysemeError && (error.code === 'no-space' || error.code === 'unreachable');
}
