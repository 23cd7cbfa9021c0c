import { useQuery } from '@tanstack/react-query';
import { useCallback, useMemo, useSyncExternalStore } from 'react';
import { studyQuery } from '../source/query-options.ts';

/** A unit that was looked at, and what it was called. */
export interface RecentUnit {
  readonly bank: string;
  readonly index: number;
  readonly title: string;
}

/** Units that are remembered of a study. */
export const MOST_RECENT = 20;
/** Characters of a title. */
const LONGEST_TITLE = 200;

const listeners = new Set<() => void>();

function read(key: string): string {
  try {
    return localStorage.getItem(key) ?? '[]';
  } catch {
    // Storage that is forbidden: nothing is remembered.
    return '[]';
  }
}

/** The units of a stored list; what is none is left out. */
export function recentOf(stored: string): RecentUnit[] {
  let values: unknown;
  try {
    values = JSON.parse(stored);
  } catch {
    return [];
  }
  if (!Array.isArray(values)) return [];
  return values
    .filter(
      (value): value is RecentUnit =>
        typeof value?.bank === 'string' && Number.isInteger(value.index) && typeof value.title === 'string',
    )
    .slice(0, MOST_RECENT);
}

/** A list with a unit looked at now: it comes first, and once. */
export function withRecent(list: readonly RecentUnit[], { title, ...unit }: RecentUnit): RecentUnit[] {
  const others = list.filter(({ bank, index }) => bank !== unit.bank || index !== unit.index);
  return [{ ...unit, title: title.slice(0, LONGEST_TITLE) }, ...others].slice(0, MOST_RECENT);
}

function write(key: string, list: readonly RecentUnit[]): void {
  try {
    localStorage.setItem(key, JSON.stringify(list));
  } catch {
    return;
  }
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener('storage', listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener('storage', listener);
  };
}

/** The units of this study that were looked at last in this browser; `visit` adds one, `set` takes another list. */
export function useRecent(): {
  readonly units: readonly RecentUnit[];
  readonly visit: (unit: RecentUnit) => void;
  readonly set: (units: readonly RecentUnit[]) => void;
} {
  const { data } = useQuery(studyQuery);
  // Of an unfinished study there is no hash yet.
  const key = data === undefined ? null : `polyseme recent ${data.contentHash ?? data.name}`;
  const stored = useSyncExternalStore(subscribe, () => (key === null ? '[]' : read(key)));
  const units = useMemo(() => recentOf(stored), [stored]);
  const visit = useCallback(
    (unit: RecentUnit) => {
      if (key !== null) write(key, withRecent(recentOf(read(key)), unit));
    },
    [key],
  );
  const set = useCallback(
    (list: readonly RecentUnit[]) => {
      if (key !== null) write(key, list);
    },
    [key],
  );
  return { units, visit, set };
}
