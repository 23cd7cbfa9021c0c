import type { ReactNode } from 'react';
import { visible } from '../../../src/base/visible.ts';
import type { QueueState } from '../source/answers.ts';
import { formatWhole } from '../ui/metric-info.ts';
import { formatTime } from '../ui/time.ts';
import { explained } from '../ui/tips.tsx';

type Run = QueueState['runs'][number];
type Worker = QueueState['workers'][number];

/** Each run with the stage at hand. */
export function RunsTable({ runs }: { runs: readonly Run[] }) {
  return (
    <Table name="Runs">
      <thead>
        <tr>
          <Head>Run</Head>
          <Head>Stage</Head>
          <Head>State</Head>
          <Head title="Jobs of the stage that are done, with the shares of those at hand">Jobs</Head>
          <Head title="Jobs of the stage an hour, by all workers">Jobs/h</Head>
          <Head title="Text tokens a second, by all workers, of the jobs at hand">Tokens/s</Head>
          <Head title="Median time of a job of the stage">Median</Head>
        </tr>
      </thead>
      <tbody>
        {runs.map((run) => (
          <tr key={run.run} data-run={run.run}>
            <th scope="row">
              {run.out !== null && <bdi className="run-name">{visible(run.out)}</bdi>}
              {run.model !== null && (
                <span className="run-name muted small">
                  of <bdi>{visible(run.model)}</bdi>
                </span>
              )}
              <span className={run.out === null ? 'mono run-id' : 'mono run-id muted small'}>{run.run}</span>
            </th>
            <td>
              {run.stage}{' '}
              <span className="muted small num stage-number">{`${run.stageNumber} of ${run.stages}`}</span>
            </td>
            <td>
              <RunProgress run={run} />
            </td>
            <td className="num">{`${formatJobs(run.done)} of ${formatWhole(run.total)}`}</td>
            <td className="num">{formatted(run.jobsPerHour, formatWhole)}</td>
            <td className="num">{formatted(run.tokensPerSecond, formatWhole)}</td>
            <td className="num">{formatted(run.seconds, formatTime)}</td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

/** How much of the stage at hand is done. */
export const shareOf = ({ state, done, total }: Run): number => (state === 'done' ? 1 : done / total);

function RunProgress({ run }: { run: Run }) {
  const { state, secondsLeft, failed } = run;
  const share = shareOf(run);
  return (
    <div className="progress" data-state={STATES[state]}>
      <span className="progress-head">
        <span className="state-name">{state}</span>
        {state !== 'done' && <span className="num percent">{Math.floor(100 * share)} %</span>}
        {failed > 0 && (
          <span className="bad small num" {...explained('Jobs that are not tried again')}>
            {`${formatWhole(failed)} failed`}
          </span>
        )}
        {secondsLeft !== null && (
          <span className="muted small num">{formatTime(secondsLeft)} left of the stage</span>
        )}
      </span>
      <Bar share={share} name={`Progress of ${run.run}`} />
    </div>
  );
}

/** The colours of trainings. */
const STATES = { waiting: 'waiting', running: 'training', failed: 'stopped', done: 'done' } as const;

/** Each worker with the job at hand; stragglers say by how much. */
export function WorkersTable({ workers }: { workers: readonly Worker[] }) {
  const order = [...workers].sort(
    (a, b) => urgency(b) - urgency(a) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  );
  return (
    <Table name="Workers">
      <thead>
        <tr>
          <Head>Worker</Head>
          <Head>Job</Head>
          <Head title="Since the worker took the job">For</Head>
          <Head title="Of the job">Done</Head>
          <Head title="Text tokens a second">Tokens/s</Head>
          <Head title="Jobs that it did, of the latest thousand of all">Jobs</Head>
          <Head title="Median time of its jobs as a multiple of the median of their stage">Pace</Head>
        </tr>
      </thead>
      <tbody>
        {order.map(({ name, job, done, slowness, isStraggler }) => (
          <tr key={name} data-worker={name}>
            <th scope="row">
              <bdi className="mono worker-name">{visible(name)}</bdi>
              {isStraggler && <span className="bad small">slow</span>}
            </th>
            <td className={job === null ? 'muted' : ''}>{job === null ? 'idle' : job.job}</td>
            <td className={`num ${job?.isStraggler ? 'bad' : ''}`}>
              {job === null ? '–' : formatTime(job.seconds)}
              {job?.isStraggler && (
                <span className="small">
                  , <span className="lateness">{`${times(job.slowness!)} the median`}</span>
                </span>
              )}
            </td>
            <td className="num">
              {job === null ? '–' : <Bar share={job.share} name={`Progress of ${job.job}`} />}
            </td>
            <td className="num">{formatted(job?.tokensPerSecond, formatWhole)}</td>
            <td className="num">{formatWhole(done)}</td>
            <td className={`num ${isStraggler ? 'bad' : ''}`}>{formatted(slowness, times)}</td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

/** Stragglers first, then those at work. */
function urgency({ job, isStraggler }: Worker): number {
  return (job?.isStraggler ? 4 : 0) + (isStraggler ? 2 : 0) + (job === null ? 0 : 1);
}

/** What failed, and why. */
export function FailuresTable({ failures }: { failures: QueueState['failures'] }) {
  return (
    <Table name="Failures">
      <thead>
        <tr>
          <Head>Job</Head>
          <Head>Reason</Head>
          <Head>Tried</Head>
          <Head>Last by</Head>
        </tr>
      </thead>
      <tbody>
        {failures.map(({ run, job, reason, failures: count, worker, isFinal }) => (
          <tr key={`${run} ${job}`}>
            <th scope="row">
              {job} <span className="muted small mono run-id failure-run">{run}</span>
            </th>
            <td className="failure-reason">
              <bdi>{visible(reason)}</bdi>
            </td>
            <td className={isFinal ? 'bad' : ''}>
              {count === 1 ? 'once' : `${formatWhole(count)} times`}
              <span className="small">{isFinal ? ', given up' : ', tried again'}</span>
            </td>
            <td className="mono worker-name">{worker === null ? '–' : visible(worker)}</td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

function Table({ name, children }: { name: string; children: ReactNode }) {
  return (
    <section
      className="scroll-x"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways where it is narrow
      tabIndex={0}
      aria-label={`Table of ${name.toLowerCase()}`}
    >
      <table className="plain trainings-table queue-table">{children}</table>
    </section>
  );
}

function Head({ title, children }: { title?: string; children: ReactNode }) {
  if (title === undefined) return <th scope="col">{children}</th>;
  return (
    <th scope="col" className="num">
      <span {...explained(title)}>{children}</span>
    </th>
  );
}

function Bar({ share, name }: { share: number; name: string }) {
  return (
    <span
      className="progress-bar"
      role="progressbar"
      aria-label={name}
      aria-valuenow={Math.floor(100 * share)}
      aria-valuemin={0}
      aria-valuemax={100}
    >
      <i style={{ width: `${100 * share}%` }} />
    </span>
  );
}

const times = (slowness: number): string => `${slowness.toFixed(1)} ×`;

/** Whole jobs without a digit that says nothing. */
const formatJobs = (done: number): string => (Number.isInteger(done) ? formatWhole(done) : done.toFixed(1));

function formatted(value: number | null | undefined, format: (value: number) => string): string {
  return value === null || value === undefined ? '–' : format(value);
}
