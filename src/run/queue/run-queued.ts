import { resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Job, Queue } from 'bullmq';
import { checkAborted } from '../../base/progress.ts';
import { checkWritable } from '../../base/writable.ts';
import { PolysemeError } from '../../errors.ts';
import { openStudy } from '../../study/open-study.ts';
import type { StudyInfo } from '../../study/study.ts';
import { checkRun } from '../open-run.ts';
import type { RunHooks } from '../run-hooks.ts';
import type { RunOptions } from '../run-options.ts';
import { needsMaximaRound, openPlan, planRun } from '../shards/plan.ts';
import { Artefacts, type ArtefactsPlace, checkPlace } from './artefacts.ts';
import { Attendance } from './attendance.ts';
import { checkQueue, connectTo, loadBull, QUEUE, type QueueAddress } from './connection.ts';
import { type JobData, jobId, type QueuedRun, type Stage, stageJobs, TRIES } from './jobs.ts';
import { queueFacts } from './look-at-queue.ts';
import { patiently } from './patiently.ts';
import { progressOf, reportQueue, runName, stragglers } from './queue-report.ts';

export interface RunQueuedOptions extends RunOptions, ArtefactsPlace, Omit<RunHooks, 'saveEvery'> {
  /** Address of the queue: redis://HOST[:PORT][/DATABASE] */
  readonly queue: string;
  /** Parts that the text is divided into. */
  readonly shards: number;
}

/** Milliseconds between two looks at the queue. */
const LOOK_EVERY = 500;

/**
 * `runStudy` by the workers of a queue (`startWorker`): plans the run in shards, hands them out, waits for the study and
 * copies it to `out`. The jobs go on without this call, and a second one finds what is done.
 *
 * @throws PolysemeError where the queue cannot be reached, and where jobs failed, with their reasons: all else is kept,
 *   and the same call tries these again
 * @example
 * const queue = 'redis://localhost';
 * const artefacts = '/shared/artefacts';
 * const info = await runQueued({ queue, artefacts, shards: 8, layers: [0], contexts: 100, out: 'study.db' });
 */
export async function runQueued({
  queue: url,
  artefacts: place,
  artefactsEndpoint,
  shards,
  out = 'study.db',
  ...options
}: RunQueuedOptions): Promise<StudyInfo> {
  const { signal: _, onNote: __, onProgress: ___, ...asked } = options;
  checkRun(asked);
  checkPlace({ artefacts: place, artefactsEndpoint });
  checkWritable(resolve(out));
  const connection = await checkQueue(url);
  const artefacts = await Artefacts.open({ artefacts: place, artefactsEndpoint });
  try {
    const planFile = `${out}.plan`;
    const { digest } = await planRun({ ...options, plan: planFile, shards });
    const { run: planned } = await openPlan(planFile);
    await artefacts.givePlan(planFile);
    const run: QueuedRun = {
      plan: digest,
      shards,
      shares: shards,
      model: String(planned.meta.model['source']),
      out,
    };
    const first: Stage = needsMaximaRound(planned.meta)
      ? { name: 'maxima' }
      : { name: 'examples', after: null };
    await artefacts.copyStudy(await byWorkers(connection, run, first, options), out);
  } finally {
    await artefacts.close();
  }
  const study = openStudy(out);
  try {
    return study.info();
  } finally {
    study.close();
  }
}

/** Hands out the jobs of a run, and waits for the last: the digest of its study. */
async function byWorkers(
  address: QueueAddress,
  run: QueuedRun,
  first: Stage,
  options: Omit<RunHooks, 'saveEvery'>,
): Promise<string> {
  const { Queue, FlowProducer } = await loadBull();
  const client = await connectTo(address, options.onNote);
  const connection = client.redis;
  const queue = new Queue<JobData, string>(QUEUE, { connection });
  const flows = new FlowProducer({ connection });
  for (const part of [queue, flows]) (part as Queue).on('error', () => {});
  try {
    await patiently(
      'the queue',
      async () => {
        if ((await failedJobs(queue, run)).length > 0) await removeJobs(queue, run);
        const known = await queue.getJob(jobId({ run, stage: first, number: null }));
        if (known === undefined) await flows.add(stageJobs(run, first));
      },
      options,
    );
    return await untilDone({ queue, flows, sinceBack: client.sinceBack }, run, first, options);
  } finally {
    client.end();
  }
}

/**
 * Removes the jobs of a run of which some failed, so that it begins anew: what is done and whole is found in the artefacts,
 * and what is gone or damaged is made again. Jobs that a worker has at hand are left.
 */
async function removeJobs(queue: Queue<JobData, string>, run: QueuedRun): Promise<void> {
  for (const job of await queue.getJobs()) {
    if (job?.data.run.plan === run.plan) await job.remove({ removeChildren: false }).catch(() => {});
  }
}

interface Connected {
  readonly queue: Queue<JobData, string>;
  readonly flows: { add(job: ReturnType<typeof stageJobs>): Promise<unknown> };
  readonly sinceBack: () => number;
}

/** Waits for the last job of a run: what it gives. */
async function untilDone(
  { queue, flows, sinceBack }: Connected,
  run: QueuedRun,
  first: Stage,
  { onProgress, onNote, signal }: Omit<RunHooks, 'saveEvery'>,
): Promise<string> {
  const last: Stage = { name: 'units', after: '', rows: '' };
  const attendance = new Attendance();
  const told = new Set<string>();
  for (;;) {
    const digest = await patiently(
      'the queue',
      async () => {
        const study = await queue.getJob(jobId({ run, stage: last, number: null }));
        if (study !== undefined && (await study.isCompleted())) return study.returnvalue;
        const failed = await failedJobs(queue, run);
        const { active = 0, waiting = 0, delayed = 0, prioritized = 0 } = await queue.getJobCounts();
        if (failed.length > 0 && active + waiting + delayed + prioritized === 0) throw failure(failed);
        // A server that was started again without what it had: what is done lies in the artefacts.
        const begun = await queue.getJob(jobId({ run, stage: first, number: null }));
        if (begun === undefined) await flows.add(stageJobs(run, first));
        if (attendance.lacks(await queue.getWorkersCount(), sinceBack()))
          onNote?.('no worker is at the queue: start polyseme worker on some machines');
        const report = reportQueue(await queueFacts(queue), Date.now());
        for (const line of stragglers(report)) {
          // Once for each, however its time grows.
          const [who] = line.split(/ has run| takes/);
          if (!told.has(who!)) onNote?.(line);
          told.add(who!);
        }
        for (const { run: of, job, reason, failures } of report.failures) {
          const line = `${job} failed (${failures} of ${TRIES} times): ${reason}`;
          if (of === runName(run) && !told.has(line)) onNote?.(line);
          told.add(line);
        }
        const own = report.runs.find((each) => each.run === runName(run));
        if (own !== undefined) onProgress?.(progressOf(own, report.workers));
        return null;
      },
      { signal },
    );
    if (digest !== null) return digest;
    await wait(LOOK_EVERY, undefined, { signal }).catch(() => {});
    checkAborted(signal);
  }
}

async function failedJobs(queue: Queue<JobData, string>, run: QueuedRun): Promise<Job<JobData, string>[]> {
  const failed = await queue.getFailed();
  return failed.filter(({ data }) => data.run.plan === run.plan);
}

function failure(failed: readonly Job<JobData, string>[]): PolysemeError {
  const reasons = failed.slice(0, 3).map(({ data, failedReason, attemptsMade }) => {
    const what =
      data.number === null ? `the merge of ${data.stage.name}` : `${data.stage.name} ${data.number}`;
    return `${what}: ${failedReason} (tried ${attemptsMade} times)`;
  });
  const more = failed.length > 3 ? ` and ${failed.length - 3} more` : '';
  return new PolysemeError(
    `${failed.length} of the run's jobs failed; ${reasons.join('; ')}${more}. What is done is kept: the same command tries these again`,
  );
}
