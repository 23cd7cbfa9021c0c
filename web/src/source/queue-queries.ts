import { queryOptions } from '@tanstack/react-query';
import type { QueueState } from './answers.ts';
import { get } from './http.ts';

/** Milliseconds between looks while something runs or is waited for, and otherwise. */
const LIVE = 2000;
const IDLE = 10_000;

/** What goes on in the queue, again and again while the page is in sight. */
export const queueQuery = queryOptions({
  queryKey: ['queue'],
  queryFn: ({ signal }) => get<QueueState>('/api/queue', {}, signal),
  staleTime: 0,
  refetchInterval: ({ state: { data } }) => {
    const { runs } = data ?? { runs: [] };
    return runs.length > 0 && runs.every(({ state }) => state === 'done') ? IDLE : LIVE;
  },
  refetchIntervalInBackground: false,
  refetchOnWindowFocus: 'always',
  retry: false,
});
