import { queryOptions } from '@tanstack/react-query';
import type { TrainingLog, Trainings } from './answers.ts';
import { get } from './http.ts';

/** Milliseconds between looks while something is being trained or waited for, and otherwise. */
const LIVE = 2000;
const IDLE = 10_000;
/** Points of a curve at which it is asked for anew, thinned. */
const MOST_POINTS = 2000;

/** The trainings, again and again while the page is in sight. */
export const trainingsQuery = queryOptions({
  queryKey: ['trainings'],
  queryFn: ({ signal }) => get<Trainings>('/api/trainings', {}, signal),
  staleTime: 0,
  refetchInterval: ({ state: { data } }) => {
    const { trainings } = data ?? { trainings: [] };
    const isLive = trainings.some(({ state }) => state === 'training' || state === 'evaluating');
    return isLive || trainings.length === 0 ? LIVE : IDLE;
  },
  refetchIntervalInBackground: false,
  refetchOnWindowFocus: 'always',
  retry: false,
});

/** A training's log: after the first time only what was added, unless the log has begun anew. */
export const trainingLogQuery = (name: string) =>
  queryOptions({
    queryKey: ['training-log', name],
    queryFn: async ({ client, queryKey, signal }) => {
      const ask = (after?: number) => get<TrainingLog>('/api/trainings/log', { name, after }, signal);
      const before = client.getQueryData<TrainingLog>(queryKey);
      if (before === undefined || before.step.length === 0 || before.step.length > MOST_POINTS) return ask();
      const more = await ask(before.step.at(-1));
      return more.epoch === before.epoch ? joined(before, more) : ask();
    },
    structuralSharing: false,
  });

function joined(before: TrainingLog, more: TrainingLog): TrainingLog {
  if (more.step.length === 0) return before;
  const figures = { ...before.figures };
  for (const name of Object.keys(figures) as (keyof typeof figures)[]) {
    figures[name] = [...before.figures[name], ...more.figures[name]];
  }
  return {
    ...more,
    thinned: before.thinned || more.thinned,
    step: [...before.step, ...more.step],
    tokens: [...before.tokens, ...more.tokens],
    figures,
  };
}
