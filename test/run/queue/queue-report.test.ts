import { expect, test } from 'vitest';
import {
  type JobFacts,
  progressOf,
  type QueueFacts,
  reportQueue,
  stragglers,
} from '../../../src/run/queue/queue-report.ts';

const run = { plan: 'a'.repeat(64), shards: 6, shares: 3, model: 'folio-5m', out: 'big.db' };
const NOW = 1_000_000;

function job(number: number | null, state: JobFacts['state'], more: Partial<JobFacts> = {}): JobFacts {
  return {
    ...{ run, stage: 'examples', number, state, worker: null, started: null, ended: null },
    ...{ failures: 0, reason: null, share: 0, tokens: 0, ...more },
  };
}

/** One that took so many seconds. */
const done = (number: number, worker: string, seconds: number): JobFacts =>
  job(number, 'done', { worker, started: NOW - 100_000, ended: NOW - 100_000 + 1000 * seconds, share: 1 });

const facts = (jobs: readonly JobFacts[], count: number, workers: readonly string[] = []): QueueFacts => ({
  workers,
  jobs,
  done: new Map([['aaaaaaaaaaaaaaaa examples', count]]),
});

test('figures of a stage are over all workers', () => {
  const jobs = [
    job(null, 'kept'),
    ...[10, 20, 30].map((seconds, i) => done(i + 1, 'one', seconds)),
    job(4, 'running', { worker: 'one', started: NOW - 20_000, share: 0.5, tokens: 4000 }),
    job(5, 'running', { worker: 'two', started: NOW - 10_000, share: 0.5, tokens: 1000 }),
    job(6, 'kept'),
  ];
  const report = reportQueue(facts(jobs, 3, ['one', 'two', 'three']), NOW);
  // Four of six jobs in a hundred seconds; 4000 tokens in 20 s and 1000 in 10 s.
  expect(report.runs).toEqual([
    {
      ...{
        run: 'a'.repeat(16),
        model: 'folio-5m',
        out: 'big.db',
        state: 'running',
        stage: 'examples',
        stageNumber: 1,
        stages: 3,
      },
      ...{
        done: 4,
        total: 6,
        failed: 0,
        seconds: 20,
        jobsPerHour: 144,
        tokensPerSecond: 300,
        secondsLeft: 50,
      },
    },
  ]);
  expect(report.workers.map(({ name, job: at, done: count }) => [name, at?.job ?? null, count])).toEqual([
    ['one', 'examples 4', 3],
    ['three', null, 0],
    ['two', 'examples 5', 0],
  ]);
  expect(stragglers(report)).toEqual([]);
});

test('units, which run no text, have no tokens a second', () => {
  const at = { stage: 'units', worker: 'one', started: NOW - 10_000, share: 0.5, tokens: 4000 } as const;
  const report = reportQueue(facts([job(null, 'kept', at), job(1, 'running', at)], 0, ['one']), NOW);
  expect([report.runs[0]!.tokensPerSecond, report.workers[0]!.job!.tokensPerSecond]).toEqual([null, null]);
});

test('a job and a worker far slower than the median are named, with how long', () => {
  const jobs = [
    ...[10, 11, 9, 10, 10].map((seconds, i) => done(i + 1, 'quick', seconds)),
    ...[40, 44, 36].map((seconds, i) => done(i + 6, 'slow', seconds)),
    job(9, 'running', { worker: 'quick', started: NOW - 95_000 }),
    job(10, 'running', { worker: 'slow', started: NOW - 5000 }),
  ];
  const report = reportQueue(facts(jobs, 8), NOW);
  // The median of all eight is 10.5 s.
  expect(stragglers(report)).toEqual([
    'examples 9 has run for 95 s on quick, 9.0 times the median',
    'slow takes 3.8 times as long as the median for a job',
  ]);
  // Of two jobs nothing can be told.
  expect(stragglers(reportQueue(facts([...jobs.slice(0, 2), jobs[8]!], 2), NOW))).toEqual([]);
});

test('what failed is told with its reason, and a run that cannot go on says so', () => {
  const jobs = [
    job(null, 'kept'),
    job(1, 'failed', { failures: 3, reason: 'no', worker: 'one' }),
    job(2, 'again', { failures: 1, reason: 'not yet', worker: 'two' }),
  ];
  const { runs, failures } = reportQueue(facts(jobs, 0), NOW);
  expect([runs[0]!.state, runs[0]!.failed]).toEqual(['failed', 1]);
  const at = { run: 'a'.repeat(16) };
  expect(failures).toEqual([
    { ...at, job: 'examples 1', reason: 'no', failures: 3, worker: 'one', isFinal: true },
    { ...at, job: 'examples 2', reason: 'not yet', failures: 1, worker: 'two', isFinal: false },
  ]);
});

test('the progress of a run names what is at hand, and by how many workers', () => {
  const shards = [10, 20, 30, 10, 20, 30].map((seconds, i) => done(i + 1, 'one', seconds));
  const toldOf = (jobs: readonly JobFacts[], count: number, workers: readonly string[]) => {
    const report = reportQueue(facts(jobs, count, workers), NOW);
    const { what, done, total, unit } = progressOf(report.runs[0]!, report.workers);
    return `${what}: ${done} of ${total} ${unit}`;
  };
  const before = [
    job(null, 'kept'),
    ...shards.slice(0, 5),
    job(6, 'running', { worker: 'one', started: NOW, share: 0.26 }),
  ];
  expect(toldOf(before, 5, ['one'])).toBe('examples by 1 worker: 5.3 of 6 shards');
  expect(toldOf([job(null, 'kept'), ...shards], 6, ['one', 'two'])).toBe(
    'merge of examples by 2 workers: 0 of 100 %',
  );
  const merging = job(null, 'running', { worker: 'two', started: NOW, share: 0.408 });
  expect(toldOf([merging, ...shards], 6, ['one', 'two'])).toBe('merge of examples by 2 workers: 40 of 100 %');
});

test('the study at the end is the run’s', () => {
  const merges = (['maxima', 'examples', 'rows', 'units'] as const).map((stage) =>
    job(null, 'done', { stage }),
  );
  const [report] = reportQueue({ workers: [], jobs: merges, done: new Map() }, NOW).runs;
  expect(report).toMatchObject({
    state: 'done',
    stage: 'units',
    stageNumber: 4,
    stages: 4,
    done: 3,
    total: 3,
  });
});
