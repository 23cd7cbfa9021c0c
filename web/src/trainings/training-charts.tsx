import { useQueries } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { useEffect, useMemo, useRef } from 'react';
import type { Training, TrainingLog } from '../source/answers.ts';
import { trainingLogQuery } from '../source/training-queries.ts';
import { Segments } from '../ui/controls.tsx';
import { Empty, Loading } from '../ui/states.tsx';
import type { TrainingsSearch } from '../ui/url-state.ts';
import { strokeOf } from './run-strokes.ts';
import { FIGURES, hasNumbers } from './runs.ts';
import { TrainingChart } from './training-chart.tsx';
import type { DrawnRun } from './training-curve.ts';
import { TrainingScatter } from './training-scatter.tsx';

/** Where the chosen trainings stand, and their curves. `shorts`: what each is called where there is little room. */
export function TrainingCharts({
  trainings,
  shorts,
  change,
}: {
  trainings: readonly Training[];
  shorts: ReadonlyMap<string, string>;
  change: (changes: Partial<TrainingsSearch>) => void;
}) {
  const search = useSearch({ from: '/trainings' });
  const logs = useLogs(trainings);
  const runs = useStable(
    trainings.flatMap((training): DrawnRun[] => {
      const log = logs.get(training.name);
      if (log === undefined || log.step.length === 0) return [];
      const { name } = training;
      return [{ name, short: shorts.get(name)!, stroke: strokeOf(name), log }];
    }),
  );
  const standing = useMemo(
    () =>
      trainings
        .filter(({ last }) => last !== null)
        .map((training) => ({
          training,
          short: shorts.get(training.name)!,
          stroke: strokeOf(training.name),
        })),
    [trainings, shorts],
  );
  const { over, scale, smooth = 0, x = 'meanEmbeddingDistance', y = 'explainedVariance' } = search;
  const settings = useMemo(
    () => ({ over: over ?? ('step' as const), isLog: scale === 'log', smooth }),
    [over, scale, smooth],
  );
  if (trainings.length === 0) {
    return <Empty title="Nothing is chosen">Choose trainings in the table to see their curves.</Empty>;
  }
  const figures = FIGURES.filter((info) =>
    hasNumbers(
      info,
      runs.map(({ log }) => log),
    ),
  );
  const thinned = runs.some(({ log }) => log.thinned);
  const cut = runs.some(({ log }) => log.cut);
  return (
    <>
      <div className="controls chart-controls">
        <h2>Curves</h2>
        <Segments
          label="Horizontal axis"
          options={[
            ['step', 'Steps'],
            ['tokens', 'Tokens'],
          ]}
          value={settings.over}
          onChange={(to) => change({ over: to === 'tokens' ? to : undefined })}
        />
        <Segments
          label="Vertical axis"
          options={[
            ['linear', 'Linear'],
            ['log', 'Logarithmic'],
          ]}
          value={scale ?? 'linear'}
          onChange={(to) => change({ scale: to === 'log' ? to : undefined })}
        />
        <Smoothing value={smooth} onChange={(to) => change({ smooth: to === 0 ? undefined : to })} />
        <span className="muted small">
          {runs.length > 1 && 'Curves that coincide are drawn in turns. '}
          {thinned && 'Long logs are thinned to 1,000 lines at a time. '}
          {cut && 'A log is too long to be read to its end.'}
        </span>
      </div>
      {runs.length === 0 ? (
        trainings.some(({ last }) => last !== null) ? (
          <Loading what="the curves" />
        ) : (
          <Empty title="No figures yet">
            <p>
              A training logs its first line after some steps; before that it fills its buffer of activations.
            </p>
          </Empty>
        )
      ) : (
        <div className="charts">
          {standing.length > 1 && <TrainingScatter runs={standing} x={x} y={y} onAxes={change} />}
          {figures.map((info) => (
            <TrainingChart key={info.figure} info={info} runs={runs} settings={settings} />
          ))}
        </div>
      )}
    </>
  );
}

/** How much the past weighs in the curves; the URL follows when it rests. */
function Smoothing({ value, onChange }: { value: number; onChange: (value: number) => void }) {
  return (
    <label className="control">
      Smoothing
      <input
        type="range"
        min={0}
        max={0.99}
        step={0.01}
        value={value}
        onChange={(event) => onChange(Number(event.target.value))}
      />
      <output className="num">{value.toFixed(2)}</output>
    </label>
  );
}

/** The logs of trainings, asked for again when the list says that they have got on or begun anew. */
function useLogs(trainings: readonly Training[]): ReadonlyMap<string, TrainingLog> {
  const queries = useQueries({ queries: trainings.map(({ name }) => trainingLogQuery(name)) });
  const latest = useRef(queries);
  latest.current = queries;
  useEffect(() => {
    trainings.forEach(({ epoch, step }, i) => {
      const { data, isFetching, refetch } = latest.current[i]!;
      if (data === undefined || isFetching) return;
      if (data.epoch !== epoch || (data.step.at(-1) ?? 0) !== step) void refetch();
    });
  }, [trainings]);
  return new Map(
    trainings.flatMap(({ name }, i) => {
      const { data } = queries[i]!;
      return data === undefined ? [] : [[name, data] as const];
    }),
  );
}

/** The list as it was, as long as its members are equal: so that charts are drawn only when they change. */
function useStable(runs: readonly DrawnRun[]): readonly DrawnRun[] {
  const kept = useRef(runs);
  const isSame =
    kept.current.length === runs.length &&
    runs.every((run, i) => {
      const { name, short, log } = kept.current[i]!;
      return run.name === name && run.short === short && run.log === log;
    });
  if (!isSame) kept.current = runs;
  return kept.current;
}
