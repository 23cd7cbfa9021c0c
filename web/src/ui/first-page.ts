import type { Served } from '../source/answers.ts';

/** What there is to see first, by what is served. */
export function firstPage({ study, trainings }: Pick<Served, 'study' | 'trainings'>) {
  if (study) return { name: 'study', to: '/' } as const;
  return trainings
    ? ({ name: 'trainings', to: '/trainings' } as const)
    : ({ name: 'queue', to: '/queue' } as const);
}
