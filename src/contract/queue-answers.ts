import * as z from 'zod';

/** What the HTTP API gives of a queue. Where there is no number, there is null. */

const count = z.int().min(0);
const real = z.number().nullable();
const stage = z.enum(['maxima', 'examples', 'rows', 'units']);

const job = z
  .object({
    run: z.string(),
    job: z.string().meta({ description: 'examples 7, merge of rows, the study' }),
    seconds: z.number().meta({ description: 'since a worker took it' }),
    share: z.number().meta({ description: 'that is done of it, 0 to 1' }),
    tokensPerSecond: real,
    slowness: real.meta({
      description:
        'its time so far as a multiple of the median of its stage; null before three jobs are done',
    }),
    isStraggler: z.boolean(),
  })
  .meta({ id: 'QueueJob' });

const run = z
  .object({
    run: z.string().meta({ description: 'the first digits of the digest of its plan' }),
    model: z.string().nullable().meta({ description: 'as the run calls it' }),
    out: z.string().nullable().meta({ description: 'the study that it makes, as `run --out` called it' }),
    state: z.enum(['waiting', 'running', 'failed', 'done']),
    stage: stage.meta({ description: 'at hand, or the last' }),
    stageNumber: count,
    stages: count,
    done: z.number().meta({ description: 'jobs of the stage, with the shares of those at hand' }),
    total: count,
    failed: count.meta({ description: 'jobs that are not tried again' }),
    seconds: real.meta({ description: 'median of the jobs of the stage that are done' }),
    jobsPerHour: real.meta({ description: 'of the stage, by all workers' }),
    tokensPerSecond: real.meta({ description: 'by all workers, of the jobs at hand' }),
    secondsLeft: real.meta({ description: 'of the stage' }),
  })
  .meta({ id: 'QueuedRun' });

const worker = z
  .object({
    name: z.string().meta({ description: 'its host, and the number of its process there' }),
    job: job.nullable(),
    done: count.meta({ description: 'jobs, of the latest thousand' }),
    slowness: real.meta({
      description: 'median time of its jobs as a multiple of the median of their stage; null before three',
    }),
    isStraggler: z.boolean(),
  })
  .meta({ id: 'QueueWorker' });

const failure = z
  .object({
    run: z.string(),
    job: z.string(),
    reason: z.string(),
    failures: count.meta({ description: 'times that it was tried' }),
    worker: z.string().nullable(),
    isFinal: z.boolean().meta({ description: 'whether it is not tried again' }),
  })
  .meta({ id: 'QueueFailure' });

export const queueAnswer = z
  .object({
    queue: z.string().meta({ description: 'host, port and database' }),
    unreachable: z.string().nullable().meta({ description: 'why there is nothing to tell; else null' }),
    runs: z.array(run),
    workers: z.array(worker),
    failures: z.array(failure),
  })
  .meta({ id: 'Queue' });

export type QueueAnswer = z.output<typeof queueAnswer>;
