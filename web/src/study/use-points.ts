import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';
import { source } from '../source/chosen.ts';
import { metricsQuery, unitsQuery } from '../source/query-options.ts';
import { Points } from '../ui/points.ts';
import { ranges } from '../ui/url-state.ts';
import { unitParams, useStudySearch } from './use-study-search.ts';

/** The parts of the figures, loaded all at once beside the numbers that they wait for. */
export const figures = {
  scatter: () => import('./scatter.tsx'),
  distributions: () => import('./distributions.tsx'),
  plot: () => import('@observablehq/plot'),
};

/** All units as points, those that the table's bank and ranges leave shown; they come after the table's first rows. */
export function usePoints() {
  const { search } = useStudySearch();
  // The table's first rows come before the figures' many numbers.
  const rows = useQuery(unitsQuery(unitParams(search), 0));
  const metrics = useQuery({ ...metricsQuery, enabled: !rows.isPending });
  // A site's rows take requests in turn, in which the network has room for what draws the figures.
  const isTime = source().isSite || !rows.isPending;
  useEffect(() => {
    if (isTime) for (const load of Object.values(figures)) void load();
  }, [isTime]);
  const all = useMemo(() => (metrics.data === undefined ? null : Points.of(metrics.data)), [metrics.data]);
  const key = JSON.stringify([search.bank, ranges({ ...search })]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` stands for the part of `search` that counts
  const points = useMemo(() => all?.filtered(search.bank, ranges({ ...search })) ?? null, [all, key]);
  return { points, error: metrics.error, retry: () => void metrics.refetch() };
}
