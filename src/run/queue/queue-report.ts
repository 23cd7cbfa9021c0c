import { grouped } from '../../base/grouped.ts';
import { quantiles } from '../../compare/bootstrap.ts';
import type { RunProgress } from '../run-hooks.ts';
import type { QueuedRun, Stage } from './jobs.ts';

/** A job as the queue's server has it. */
export interface JobFacts {
  readonly run: QueuedRun;
  readonly stage: Stage['name'];
  /** Of a shard or share; null for the job that puts them together. */
  readonly number: number | null;
  /** `kept`: it waits for the jobs that it puts together, or for a worker; `again`: it failed and is tried again. */
  readonly state: 'running' | 'done' | 'failed' | 'again' | 'kept';
  /** The worker that has it, or had it last. */
  readonly worker: string | null;
  /** When a worker took it, and when it ended, in milliseconds since 1970. */
  readonly started: number | null;
  readonly ended: number | null;
  /** Times that it failed. */
  readonly failures: number;
  readonly reason: string | null;
  /** What is done of it, 0 to 1, and text tokens that it ran. */
  readonly share: number;
  readonly tokens: number;
}

/** What a queue's server has, at a moment. */
export interface QueueFacts {
  readonly workers: readonly string[];
  /** Of the jobs that are done, the latest. */
  readonly jobs: readonly JobFacts[];
  /** Jobs done of the stages at hand, by run and stage (see `stageKey`). */
  readonly done: ReadonlyMap<string, number>;
}

export interface RunReport {
  /** The first digits of its plan's digest. */
  readonly run: string;
  /** The model and the study's file, as they are called; null where the queue does not have them. */
  readonly model: string | null;
  readonly out: string | null;
  readonly state: 'waiting' | 'running' | 'failed' | 'done';
  /** The stage at hand, or the last. */
  readonly stage: Stage['name'];
  /** The number of the stage, from 1, and of all. */
  readonly stageNumber: number;
  readonly stages: number;
  /** Jobs of the stage that are done, with the shares of those at hand; and all. */
  readonly done: number;
  readonly total: number;
  readonly failed: number;
  /** Median seconds of a job of the stage that is done; null before. */
  readonly seconds: number | null;
  /** Of the stage, over all workers, since its first job began. */
  readonly jobsPerHour: number | null;
  readonly tokensPerSecond: number | null;
  /** Of the stage, as it went so far. */
  readonly secondsLeft: number | null;
}

export interface WorkerReport {
  readonly name: string;
  readonly job: RunningJob | null;
  /** Jobs that it did, of the latest. */
  readonly done: number;
  /** Median time of its jobs, as a multiple of the median of their stage; null where it did too few to tell. */
  readonly slowness: number | null;
  readonly isStraggler: boolean;
}

export interface RunningJob {
  readonly run: string;
  /** `examples 7`, `merge of rows` */
  readonly job: string;
  readonly seconds: number;
  readonly share: number;
  readonly tokensPerSecond: number | null;
  /** Its time so far, as a multiple of the median of its stage; null where too few are done to tell. */
  readonly slowness: number | null;
  readonly isStraggler: boolean;
}

export interface FailureReport {
  readonly run: string;
  readonly job: string;
  readonly reason: string;
  readonly failures: number;
  readonly worker: string | null;
  /** Whether it is not tried again. */
  readonly isFinal: boolean;
}

/** What goes on in a queue: figures over all workers, what failed, and what is slow. */
export interface QueueReport {
  readonly runs: readonly RunReport[];
  readonly workers: readonly WorkerReport[];
  readonly failures: readonly FailureReport[];
}

/** A job or worker is a straggler from this multiple of the median on, … */
const FAR = 2;
/** … of at least so many jobs; a job, if it has run for so many seconds. */
const ENOUGH = 3;
const LONG = 10;

export const runName = ({ plan }: QueuedRun): string => plan.slice(0, 16);

export const stageKey = (run: QueuedRun, stage: string): string => `${runName(run)} ${stage}`;

export const jobName = ({ stage, number }: Pick<JobFacts, 'stage' | 'number'>): string =>
  number === null ? (stage === 'units' ? 'the study' : `merge of ${stage}`) : `${stage} ${number}`;

/** @param now milliseconds since 1970 */
export function reportQueue({ workers, jobs, done }: QueueFacts, now: number): QueueReport {
  const medians = new Map<string, number>();
  for (const [key, some] of grouped(jobs.filter(isShardDone), ({ run, stage }) => stageKey(run, stage))) {
    if (some.length >= ENOUGH) medians.set(key, median(some.map(secondsOf)));
  }
  const slownessOf = (job: JobFacts, seconds: number): number | null => {
    const usual = job.number === null ? undefined : medians.get(stageKey(job.run, job.stage));
    return usual === undefined || usual === 0 ? null : seconds / usual;
  };
  const running = new Map<string, RunningJob>();
  for (const job of jobs) {
    if (job.state !== 'running' || job.worker === null) continue;
    const seconds = Math.max(0, (now - (job.started ?? now)) / 1000);
    const slowness = slownessOf(job, seconds);
    running.set(job.worker, {
      run: runName(job.run),
      job: jobName(job),
      seconds,
      share: job.share,
      tokensPerSecond: runsText(job) && seconds > 0 ? job.tokens / seconds : null,
      slowness,
      isStraggler: slowness !== null && slowness >= FAR && seconds >= LONG,
    });
  }
  const byWorker = grouped(jobs.filter(isShardDone), ({ worker }) => worker ?? '');
  // One that has a job and is not at the queue is about to lose it.
  const names = [...new Set([...workers, ...running.keys()])].sort();
  return {
    runs: [...grouped(jobs, ({ run }) => runName(run)).values()].map((some) => runReport(some, done, now)),
    workers: names.map((name) => {
      const own = byWorker.get(name) ?? [];
      const times = own.map((job) => slownessOf(job, secondsOf(job))).filter((each) => each !== null);
      const slowness = times.length >= ENOUGH ? median(times) : null;
      const job = running.get(name) ?? null;
      return { name, job, done: own.length, slowness, isStraggler: slowness !== null && slowness >= FAR };
    }),
    failures: jobs
      .filter(({ state, reason }) => (state === 'failed' || state === 'again') && reason !== null)
      .map((job) => ({
        run: runName(job.run),
        job: jobName(job),
        reason: job.reason!,
        failures: job.failures,
        worker: job.worker,
        isFinal: job.state === 'failed',
      })),
  };
}

/** Stragglers, a line each. */
export function stragglers({ workers }: QueueReport): string[] {
  return workers.flatMap(({ name, job, slowness, isStraggler }) => [
    ...(isStraggler ? [`${name} takes ${slowness!.toFixed(1)} times as long as the median for a job`] : []),
    ...(job?.isStraggler
      ? [
          `${job.job} has run for ${Math.round(job.seconds)} s on ${name}, ${job.slowness!.toFixed(1)} times the median`,
        ]
      : []),
  ]);
}

/** How far the stage at hand is, over all workers. */
export function progressOf(report: RunReport, workers: readonly WorkerReport[]): RunProgress {
  const { run, stage, done, total, failed } = report;
  const lost = failed === 0 ? '' : `, ${failed} failed`;
  const by = `by ${workers.length} ${workers.length === 1 ? 'worker' : 'workers'}${lost}`;
  const told = { stage: 'queue', tokens: 0 } as const;
  if (done < total) {
    return { ...told, unit: 'shards', done: Math.round(done * 10) / 10, total, what: `${stage} ${by}` };
  }
  // Its shards are done, and what puts them together is at hand or next.
  const merge = jobName({ stage, number: null });
  const share = workers.find(({ job }) => job?.run === run && job.job === merge)?.job?.share ?? 0;
  return { ...told, unit: '%', done: Math.floor(100 * share), total: 100, what: `${merge} ${by}` };
}

function runReport(jobs: readonly JobFacts[], doneOf: ReadonlyMap<string, number>, now: number): RunReport {
  const { run } = jobs[0]!;
  const order = ['maxima', 'examples', 'rows', 'units'] as const;
  // A run that takes no maxima has no such jobs.
  const stages = order.filter((stage) => stage !== 'maxima' || jobs.some((job) => job.stage === 'maxima'));
  const merges = jobs.filter(({ number }) => number === null);
  const last = merges.find(({ stage, state }) => stage === 'units' && state === 'done');
  const open = merges.find(({ state }) => state !== 'done');
  const stage = last?.stage ?? open?.stage ?? stages[0]!;
  const own = jobs.filter((job) => job.stage === stage && job.number !== null);
  const total = stage === 'units' ? run.shares : run.shards;
  const ended = own.filter(isShardDone);
  const running = own.filter(({ state }) => state === 'running');
  const whole = last === undefined ? (doneOf.get(stageKey(run, stage)) ?? ended.length) : total;
  const done = Math.min(total, whole + running.reduce((sum, { share }) => sum + share, 0));
  const failed = jobs.filter(({ state }) => state === 'failed').length;
  const isRunning = jobs.some(({ state }) => state === 'running');
  const starts = own.map(({ started }) => started ?? now);
  const seconds = (now - Math.min(now, ...starts)) / 1000;
  const rate = last === undefined && seconds > 0 && done > 0 ? done / seconds : null;
  const tokens = running.reduce(
    (sum, job) => sum + (runsText(job) ? job.tokens / Math.max(1, (now - job.started!) / 1000) : 0),
    0,
  );
  return {
    run: runName(run),
    model: run.model ?? null,
    out: run.out ?? null,
    state: last !== undefined ? 'done' : isRunning ? 'running' : failed > 0 ? 'failed' : 'waiting',
    stage,
    stageNumber: stages.indexOf(stage) + 1,
    stages: stages.length,
    done,
    total,
    failed,
    seconds: ended.length === 0 ? null : median(ended.map(secondsOf)),
    jobsPerHour: rate === null ? null : rate * 3600,
    tokensPerSecond: tokens > 0 ? tokens : null,
    secondsLeft: rate === null || !isRunning ? null : (total - done) / rate,
  };
}

const isShardDone = ({ state, number, started, ended }: JobFacts): boolean =>
  state === 'done' && number !== null && started !== null && ended !== null;

/** Whether the tokens of a job pass through the model: units are split, and parts are merged, without it. */
const runsText = ({ stage, number, tokens }: JobFacts): boolean =>
  stage !== 'units' && number !== null && tokens > 0;

const secondsOf = ({ started, ended }: JobFacts): number => (ended! - started!) / 1000;

function median(values: readonly number[]): number {
  return quantiles(Float64Array.from(values)).median!;
}
