import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useMemo, useRef, useState } from 'react';
import { visible } from '../../../src/base/visible.ts';
import type { Bank, Training, Trainings } from '../source/answers.ts';
import { banksQuery, servedQuery } from '../source/query-options.ts';
import { trainingsQuery } from '../source/training-queries.ts';
import { counted } from '../ui/metric-info.ts';
import { Empty, Failure, Loading, NotAnswering, Note } from '../ui/states.tsx';
import { joinNames, splitNames, type TrainingsSearch } from '../ui/url-state.ts';
import { differing, formatSetting, SETTINGS, shortNames } from './runs.ts';
import { TrainingCharts } from './training-charts.tsx';
import { TrainingTable } from './training-table.tsx';
import '../styles/trainings.css';

const NO_BANKS: readonly Bank[] = [];
/** Trainings that are drawn unless others are chosen. */
const DRAWN = 12;

/** SAEs while they are trained: how far they are, where they stand, and their curves. */
export function TrainingsPage() {
  const served = useQuery(servedQuery);
  const isServed = served.data?.trainings ?? true;
  const { data, error, refetch } = useQuery({ ...trainingsQuery, enabled: isServed });
  return (
    <main id="main" className="page">
      <title>{titleOf(data)}</title>
      {!isServed ? (
        <>
          <h1>Trainings</h1>
          <Empty title="No trainings are served here">
            <p>
              Start the server with their folder: <code>polyseme serve --trainings DIR</code>, with a study or
              without.
            </p>
          </Empty>
        </>
      ) : data !== undefined ? (
        <Found data={data} error={error} />
      ) : (
        <>
          <h1>Trainings</h1>
          {error === null ? (
            <Loading what="the trainings" />
          ) : (
            <Failure error={error} onRetry={() => void refetch()} />
          )}
        </>
      )}
    </main>
  );
}

function titleOf(data: Trainings | undefined): string {
  const live = data?.trainings.filter(({ state }) => state === 'training') ?? [];
  const [done, all] = [sum(live.map(({ step }) => step)), sum(live.map(({ steps }) => steps))];
  return `${all === 0 ? '' : `${Math.floor((100 * done) / all)} % · `}Trainings · Polyseme`;
}

function Found({ data, error }: { data: Trainings; error: Error | null }) {
  const { trainings, folder, complete } = data;
  const search = useSearch({ from: '/trainings' });
  const navigate = useNavigate({ from: '/trainings' });
  const change = (changes: Partial<TrainingsSearch>) =>
    void navigate({ search: (before) => ({ ...before, ...changes }), replace: true, resetScroll: false });
  const differences = useMemo(() => differing(trainings), [trainings]);
  const shown = useMemo(
    () => new Set(search.runs === undefined ? latest(trainings) : splitNames(search.runs)),
    [trainings, search.runs],
  );
  const shorts = useMemo(() => shortNames(trainings), [trainings]);
  const hasStudy = useQuery(servedQuery).data?.study ?? false;
  const banks = useQuery({ ...banksQuery, enabled: hasStudy }).data ?? NO_BANKS;
  const drawn = trainings.filter(({ name }) => shown.has(name));
  return (
    <>
      <header className="page-head">
        <h1 className="wrap">
          Trainings <span className="muted">in</span> <bdi>{visible(folder)}</bdi>
        </h1>
        {trainings.length > 0 && <Shared trainings={trainings} />}
      </header>
      <Announcements trainings={trainings} />
      {error !== null && <NotAnswering />}
      {trainings.length === 0 ? (
        <Empty title="No training here yet">
          <div className="pulse" />
          <p>
            This page keeps looking, and shows each training as soon as it begins. One that belongs here is
            started with <code>polyseme sae train … --out {visible(folder)}/NAME</code>
          </p>
        </Empty>
      ) : (
        <section className="panel trainings-panel" aria-label="Trainings">
          <TrainingTable
            trainings={trainings}
            differences={differences}
            banks={banks}
            shown={shown}
            onShow={(names) => change({ runs: joinNames(names) })}
          />
          <Notes data={data} />
        </section>
      )}
      {!complete && (
        <Note>The folder holds more than can be looked through: serve one that lies deeper.</Note>
      )}
      {data.unreadable.length > 0 && <Unreadable folders={data.unreadable} />}
      {trainings.length > 0 && <TrainingCharts trainings={drawn} shorts={shorts} change={change} />}
    </>
  );
}

/** The settings that all have in common. */
function Shared({ trainings }: { trainings: readonly Training[] }) {
  const { settings } = trainings[0]!;
  const differences = new Set(differing(trainings));
  const shared = SETTINGS.slice(0, SHARED).filter(
    ([name]) => !differences.has(name) && settings[name] !== null,
  );
  const count = trainings.filter(({ state }) => state === 'training' || state === 'evaluating').length;
  return (
    <p className="facts">
      <span>
        <b>{counted(trainings.length, 'SAE')}</b>
        {count > 0 && `, ${count} under way`}
      </span>
      {shared.map(([name, said]) => (
        <span key={name} className="wrap">
          {PLAIN.has(name) ? '' : `${said} `}
          <b>{formatSetting(settings[name])}</b>
        </span>
      ))}
    </p>
  );
}

/** Settings told when they are alike: the first ones of the list. */
const SHARED = 13;
/** Those that say themselves what they are. */
const PLAIN = new Set<string>(['architecture', 'model', 'site', 'data']);

/** What the reader should know of the trainings in the table. */
function Notes({ data: { trainings } }: { data: Trainings }) {
  const stopped = trainings.filter(({ state }) => state === 'stopped');
  const diverged = trainings.filter((training) => training.diverged !== null);
  const broken = trainings.filter(({ skipped }) => skipped > 0);
  return (
    <>
      {stopped.length > 0 && (
        <Note>
          {counted(stopped.length, 'training')} stopped before the end. Type the same command again and{' '}
          {stopped.length === 1 ? 'it goes' : 'they go'} on from the last checkpoint.
        </Note>
      )}
      {diverged.length > 0 && (
        <Note isBad>
          Diverged: {diverged.map(({ name, diverged: what }) => visible(`${name} in ${what}`)).join('; ')}.
          The same command would again: lower the learning rate or clip gradients.
        </Note>
      )}
      {broken.length > 0 && (
        <Note isBad>
          {counted(sum(broken.map(({ skipped }) => skipped)), 'line')} of the logs could not be read and{' '}
          {sum(broken.map(({ skipped }) => skipped)) === 1 ? 'is' : 'are'} left out:{' '}
          {broken.map(({ name, skipped }) => visible(`${name} (${skipped})`)).join(', ')}.
        </Note>
      )}
    </>
  );
}

function Unreadable({ folders }: { folders: Trainings['unreadable'] }) {
  return (
    <Note isBad>
      Not shown, since their run.json is not that of a training:{' '}
      {folders.map(({ name, reason }) => visible(`${name} (${reason})`)).join('; ')}.
    </Note>
  );
}

/** Says to those who listen that a training has ended or stopped, and nothing in between. */
function Announcements({ trainings }: { trainings: readonly Training[] }) {
  const before = useRef(new Map<string, string>());
  const [said, setSaid] = useState('');
  useEffect(() => {
    const news = trainings.filter(({ name, state }) => {
      const known = before.current.get(name);
      return known !== undefined && known !== state;
    });
    if (news.length > 0) setSaid(news.map(({ name, state }) => visible(`${name}: ${state}`)).join(', '));
    before.current = new Map(trainings.map(({ name, state }) => [name, state]));
  }, [trainings]);
  return (
    <p className="sr" role="status">
      {said}
    </p>
  );
}

/** The names of those that were written to last. */
function latest(trainings: readonly Training[]): string[] {
  const recent = [...trainings].sort((a, b) => (a.updated < b.updated ? 1 : -1)).slice(0, DRAWN);
  return recent.map(({ name }) => name);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
