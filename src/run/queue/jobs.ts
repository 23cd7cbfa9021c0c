import type { FlowJob } from 'bullmq';
import { QUEUE } from './connection.ts';

/** A run on a queue. */
export interface QueuedRun {
  /** Digest of its plan. */
  readonly plan: string;
  readonly shards: number;
  /** Shares that the units are split into features in. */
  readonly shares: number;
  /** The model and the study's file, as they are called; for people. */
  readonly model?: string;
  readonly out?: string;
}

/**
 * A stage of a run: jobs for the shards, or for shares of the units, and one that puts together what they gave, and then
 * starts the next stage. `after` is the digest of the merged part of the stage before, `rows` that of the list of rows.
 */
export type Stage =
  | { readonly name: 'maxima' }
  | { readonly name: 'examples'; readonly after: string | null }
  | { readonly name: 'rows'; readonly after: string }
  | { readonly name: 'units'; readonly after: string; readonly rows: string };

export interface JobData {
  readonly run: QueuedRun;
  readonly stage: Stage;
  /** Of a shard or share, from 1; null for the job that puts them together. */
  readonly number: number | null;
}

/** Times that a job is tried. */
export const TRIES = 3;

/** The id of a job: the same whenever it is asked for. */
export function jobId({ run, stage, number }: JobData): string {
  return `${run.plan.slice(0, 16)}-${stage.name}-${number ?? 'all'}`;
}

/** The jobs of a stage. */
export function stageJobs(run: QueuedRun, stage: Stage): FlowJob {
  const count = stage.name === 'units' ? run.shares : run.shards;
  const job = (number: number | null): FlowJob => {
    const data: JobData = { run, stage, number };
    return {
      name: stage.name,
      queueName: QUEUE,
      data,
      opts: { jobId: jobId(data), attempts: TRIES, backoff: { type: 'fixed', delay: 1000 } },
    };
  };
  return { ...job(null), children: Array.from({ length: count }, (_, i) => job(i + 1)) };
}
