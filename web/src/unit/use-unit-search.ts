import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useEffect, useMemo } from 'react';
import type { UnitSearch } from '../ui/url-state.ts';
import { besideOf, MOST_BESIDE } from './beside.ts';
import type { UnitCut } from './unit-cut.ts';

export type UnitWays = ReturnType<typeof useUnitSearch>;

/** What a unit's page shows, which lies in its address, and the ways to change it; the same object as long as both are. */
export function useUnitSearch() {
  const search = useSearch({ from: '/unit/$bank/$index' });
  const navigate = useNavigate();
  const ways = useMemo(() => {
    /** @param step whether Back undoes it */
    const change = (changes: Partial<UnitSearch>, step = false) =>
      void navigate({
        to: '.',
        search: (before: UnitSearch) => ({ ...before, ...changes }),
        replace: !step,
        resetScroll: false,
      });
    return {
      change,
      onSelect: (feature: number | undefined) => change({ feature, example: undefined }),
      onExample: (example: number) => change({ example, feature: undefined }),
      onToggle: (example: number, open: boolean) =>
        change({ example: open ? example : undefined, ...(open ? {} : { around: undefined }) }),
      onAlone: (isShown: boolean) =>
        change(isShown ? { alone: 'shown', feature: undefined, example: undefined } : { alone: undefined }),
      onCut: (cut: Pick<UnitSearch, 'threshold' | 'linkage' | 'features'>) =>
        change({ ...cut, feature: undefined, beside: undefined }, true),
      setBeside: (ids: readonly number[]) => change({ beside: ids.length === 0 ? undefined : ids.join(',') }),
    };
  }, [navigate]);
  const { setBeside } = ways;
  const onBeside = useCallback(
    (feature: number) => {
      const ids = besideOf(search.beside, Number.POSITIVE_INFINITY);
      setBeside(
        ids.includes(feature) ? ids.filter((id) => id !== feature) : [...ids, feature].slice(-MOST_BESIDE),
      );
    },
    [search.beside, setBeside],
  );
  return useMemo(() => ({ search, ...ways, onBeside }), [search, ways, onBeside]);
}

/** The feature that is picked out, where the cut has it. */
export function selectedOf({ feature }: UnitSearch, { cut }: UnitCut): number | undefined {
  return feature !== undefined && feature < cut.features.length ? feature : undefined;
}

/** Goes from an example that a link names to the feature that has it. */
export function useFeatureAt(
  { examples, cut: { featureOf } }: UnitCut,
  at: string | undefined,
  change: (changes: Partial<UnitSearch>) => void,
): void {
  useEffect(() => {
    if (at === undefined) return;
    const example = examples.find(({ context, position }) => `${context},${position}` === at);
    change({ at: undefined, feature: example && featureOf[example.id] });
  }, [at, examples, featureOf, change]);
}
