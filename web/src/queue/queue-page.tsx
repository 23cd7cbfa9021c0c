import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { visible } from '../../../src/base/visible.ts';
import type { QueueState } from '../source/answers.ts';
import { servedQuery } from '../source/query-options.ts';
import { queueQuery } from '../source/queue-queries.ts';
import { counted } from '../ui/metric-info.ts';
import { Empty, Failure, Loading, NotAnswering, Note } from '../ui/states.tsx';
import { FailuresTable, RunsTable, shareOf, WorkersTable } from './queue-tables.tsx';
import '../styles/trainings.css';
import '../styles/queue.css';

/** Runs on many machines: how far all workers are, what failed and why, and what is far slower than the rest. */
export function QueuePage() {
  const isServed = useQuery(servedQuery).data?.queue ?? true;
  const { data, error, refetch } = useQuery({ ...queueQuery, enabled: isServed });
  return (
    <main id="main" className="page">
      <title>{titleOf(data)}</title>
      <header className="page-head">
        <h1 className="wrap">
          Queue{' '}
          {data !== undefined && (
            <>
              <span className="muted">at</span> <bdi>{visible(data.queue)}</bdi>
            </>
          )}
        </h1>
        {data !== undefined && data.unreachable === null && <Facts data={data} />}
      </header>
      {!isServed ? (
        <Empty title="No queue is served here">
          <p>
            Start the server with its address: <code>polyseme serve --queue redis://HOST</code>, with a study
            or without.
          </p>
        </Empty>
      ) : data !== undefined ? (
        <Found data={data} error={error} />
      ) : error === null ? (
        <Loading what="the queue" />
      ) : (
        <Failure error={error} onRetry={() => void refetch()} />
      )}
    </main>
  );
}

function titleOf(data: QueueState | undefined): string {
  const live = data?.runs.find(({ state }) => state === 'running');
  return `${live === undefined ? '' : `${Math.floor(100 * shareOf(live))} % · `}Queue · Polyseme`;
}

function Facts({ data: { workers, failures } }: { data: QueueState }) {
  const slow = workers.filter(({ isStraggler, job }) => isStraggler || job?.isStraggler).length;
  const final = failures.filter(({ isFinal }) => isFinal).length;
  return (
    <p className="facts">
      <span>
        <b>{counted(workers.length, 'worker')}</b>
        {workers.length > 0 && `, ${workers.filter(({ job }) => job !== null).length} at work`}
      </span>
      {slow > 0 && <span className="bad">{counted(slow, 'straggler')}</span>}
      {final > 0 && <span className="bad">{counted(final, 'job')} failed</span>}
    </p>
  );
}

function Found({ data, error }: { data: QueueState; error: Error | null }) {
  const { runs, workers, failures, unreachable } = data;
  if (unreachable !== null) {
    return (
      <Empty title="The queue does not answer">
        <p className="wrap">{visible(unreachable)}</p>
        <p>This page keeps asking. What is done lies in the artefacts, and workers wait for the queue.</p>
      </Empty>
    );
  }
  return (
    <>
      {error !== null && <NotAnswering />}
      {runs.length === 0 ? (
        <Empty title="No run here yet">
          <div className="pulse" />
          <p>
            This page keeps looking. A run that belongs here is started with{' '}
            <code>polyseme run … --queue URL --artefacts DIR --shards N</code>
          </p>
        </Empty>
      ) : (
        <Panel name="Runs">
          <RunsTable runs={runs} />
        </Panel>
      )}
      <Panel name="Workers">
        {workers.length === 0 ? (
          <Note>
            No worker is at the queue. Start some, on any machine: <code>polyseme worker --queue URL</code>
          </Note>
        ) : (
          <WorkersTable workers={workers} />
        )}
      </Panel>
      {failures.length > 0 && (
        <Panel name="Failures">
          <FailuresTable failures={failures} />
        </Panel>
      )}
    </>
  );
}

function Panel({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <h2 className="queue-head">{name}</h2>
      <section className="panel trainings-panel" aria-label={name}>
        {children}
      </section>
    </>
  );
}
