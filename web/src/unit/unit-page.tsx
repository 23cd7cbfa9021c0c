import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useDeferredValue, useEffect, useMemo } from 'react';
import { visible } from '../../../src/base/visible.ts';
import { featureTitle } from '../../../src/features/feature-title.ts';
import type { Unit } from '../source/answers.ts';
import { ApiError } from '../source/http.ts';
import { queryClient, studyQuery, unitQuery } from '../source/query-options.ts';
import { useRecent } from '../ui/recent.ts';
import { useShortcuts } from '../ui/shortcuts.ts';
import { Failure, Loading } from '../ui/states.tsx';
import { useUndo } from '../ui/undo.ts';
import { ofNextUnit } from '../ui/url-state.ts';
import { TreePanel } from './tree-panel.tsx';
import { useUnitCut } from './unit-cut.ts';
import { UnitFeatures } from './unit-features.tsx';
import { UnitSide } from './unit-side.tsx';
import { UnitTop } from './unit-top.tsx';
import { selectedOf, useFeatureAt, useUnitSearch } from './use-unit-search.ts';

/** One unit: its features with examples, beside the tree that they are cut from. */
export function UnitPage() {
  const { bank, index } = useParams({ from: '/unit/$bank/$index' });
  const isIndex = Number.isInteger(index);
  const { data, error, isPlaceholderData, refetch } = useQuery({
    ...unitQuery(bank, index),
    enabled: isIndex,
  });
  const failure = isIndex
    ? error
    : new ApiError(404, 'A unit’s number is a whole number, as in /unit/mlp.2/137.');
  return (
    <main id="main" className="page unit" aria-busy={isPlaceholderData}>
      <title>{`${visible(bank)}/${isIndex ? index : '?'} · Polyseme`}</title>
      {failure !== null ? (
        <>
          <h1 className="wrap">
            {bank}/{isIndex ? index : '?'}
          </h1>
          <Failure error={failure} onRetry={() => void refetch()} />
        </>
      ) : data === undefined ? (
        <>
          <h1>
            <span className="muted">{bank}/</span>
            {index}
          </h1>
          <Loading what="the unit" />
        </>
      ) : (
        <UnitView unit={data} />
      )}
    </main>
  );
}

function UnitView({ unit }: { unit: Unit }) {
  const ways = useUnitSearch();
  const { search, change, onCut, onExample } = ways;
  const [unitCut, dragged] = useUnitCut(unit, search);

  useUndo(`${unit.bank}/${unit.index}`);
  useVisited(unit);
  useFeatureAt(unitCut, search.at, change);
  useNeighbours(unit);
  const selected = selectedOf(search, unitCut);
  // Of a threshold that is dragged only the tree follows each move; the rest, memoised, each change of the cut, after the tree.
  const now = useMemo(() => ({ unit, unitCut }), [unit, unitCut]);
  const before = useDeferredValue(now);
  const isDragged = dragged.threshold !== unitCut.asked && before.unit === unit;
  const shown = isDragged ? before.unitCut : unitCut;
  return (
    <>
      <UnitTop unit={unit} unitCut={shown} ways={ways} />
      <div className="unit-grid">
        <div className="unit-side">
          <TreePanel
            unit={unit}
            unitCut={unitCut}
            dragged={dragged}
            selected={selected}
            onCut={onCut}
            onExample={onExample}
          />
          <UnitSide unit={unit} unitCut={shown} ways={ways} />
        </div>
        <UnitFeatures unit={unit} unitCut={shown} ways={ways} />
      </div>
    </>
  );
}

/** Steps to the units before and after, which are fetched ahead. */
function useNeighbours(unit: Unit): void {
  const navigate = useNavigate();
  const { bank, neighbours } = unit;
  const at = useParams({ from: '/unit/$bank/$index' });
  const step = (by: -1 | 1) => {
    const index = neighbour(unit, at, by);
    if (index === null) return;
    void navigate({
      to: '/unit/$bank/$index',
      params: { bank: at.bank, index },
      search: ofNextUnit,
    });
  };
  const previous = () => step(-1);
  const next = () => step(1);
  useShortcuts({ ArrowLeft: previous, ArrowRight: next });
  useEffect(() => {
    for (const index of [neighbours.next, neighbours.previous]) {
      if (index !== null) void queryClient.prefetchQuery(unitQuery(bank, index));
    }
  }, [bank, neighbours]);
}

/** Remembers the unit as one looked at, by what its largest features are. */
function useVisited({ bank, index, features }: Unit): void {
  const { visit } = useRecent();
  const title = features.slice(0, 3).map(featureTitle).join(' | ');
  useEffect(() => visit({ bank, index, title }), [visit, bank, index, title]);
}

/** The unit before or after the one in the URL, which may still be on its way while another is on screen. */
function neighbour(shown: Unit, at: { bank: string; index: number }, by: -1 | 1): number | null {
  const isShown = shown.bank === at.bank && shown.index === at.index;
  const unit = isShown ? shown : queryClient.getQueryData(unitQuery(at.bank, at.index).queryKey);
  if (unit !== undefined) return by < 0 ? unit.neighbours.previous : unit.neighbours.next;
  const bank = queryClient.getQueryData(studyQuery.queryKey)?.banks.find(({ name }) => name === at.bank);
  const index = at.index + by;
  return index >= 0 && index < (bank?.units ?? 0) ? index : null;
}
