import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useCallback, useEffect } from 'react';
import { useRandom } from '../app.tsx';
import { ApiError } from '../data/api.ts';
import { saveFeatures } from '../data/csv.ts';
import { counted } from '../data/metrics.ts';
import { queryClient, unitQuery } from '../data/queries.ts';
import type { Unit } from '../data/types.ts';
import { FeatureList } from '../parts/feature-list.tsx';
import { Failure, Loading } from '../parts/states.tsx';
import { TreePanel } from '../parts/tree-panel.tsx';
import { UnitHead } from '../parts/unit-head.tsx';
import { ViewsPanel } from '../parts/views-panel.tsx';
import type { UnitSearch } from '../state/search.ts';
import { useShortcuts } from '../state/shortcuts.ts';
import { useUnitCut } from '../state/unit-cut.ts';

/** One unit: its features with examples, beside the tree that they are cut from. */
export function UnitPage() {
  const { bank, index } = useParams({ from: '/unit/$bank/$index' });
  const isIndex = Number.isInteger(index);
  const { data, error, isPlaceholderData, refetch } = useQuery({ ...unitQuery(bank, index), enabled: isIndex });
  const failure = isIndex ? error : new ApiError(404, 'A unit’s number is a whole number, as in /unit/mlp.2/137.');
  return (
    <main id="main" className="page unit" aria-busy={isPlaceholderData}>
      <title>{`${bank}/${isIndex ? index : '?'} · Polyseme`}</title>
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
  const search = useSearch({ from: '/unit/$bank/$index' });
  const navigate = useNavigate();
  const random = useRandom();
  const unitCut = useUnitCut(unit, search);
  const { bank, neighbours } = unit;

  const change = useCallback(
    (changes: Partial<UnitSearch>) =>
      void navigate({
        to: '.',
        search: (before: UnitSearch) => ({ ...before, ...changes }),
        replace: true,
        resetScroll: false,
      }),
    [navigate],
  );
  const go = (index: number | null) => {
    if (index === null) return;
    void navigate({
      to: '/unit/$bank/$index',
      params: { bank, index },
      search: (before: UnitSearch) => ({ ...before, feature: undefined, example: undefined }),
    });
  };
  useShortcuts({ ArrowLeft: () => go(neighbours.previous), ArrowRight: () => go(neighbours.next) });
  useEffect(() => {
    for (const index of [neighbours.next, neighbours.previous]) {
      if (index !== null) void queryClient.prefetchQuery(unitQuery(bank, index));
    }
  }, [bank, neighbours]);

  const onSelect = useCallback((feature: number | undefined) => change({ feature, example: undefined }), [change]);
  const onToggle = useCallback(
    (example: number, open: boolean) => change({ example: open ? example : undefined }),
    [change],
  );
  const onExample = (example: number) => change({ example, feature: undefined });
  const features = unitCut.cut.features.length;
  const selected = search.feature !== undefined && search.feature < features ? search.feature : undefined;
  return (
    <>
      <UnitHead unit={unit} unitCut={unitCut} onRandom={random} />
      <div className="unit-grid">
        <div className="unit-side">
          <TreePanel
            unit={unit}
            unitCut={unitCut}
            selected={selected}
            onCut={(cut) => change({ ...cut, feature: undefined })}
            onExample={onExample}
          />
          <ViewsPanel
            unit={unit}
            unitCut={unitCut}
            view={search.view ?? 'map'}
            layout={search.layout ?? 'pca'}
            selected={selected}
            onView={(view) => change({ view: view === 'map' ? undefined : view })}
            onLayout={(layout) => change({ layout: layout === 'pca' ? undefined : layout })}
            onExample={onExample}
          />
        </div>
        <section className="features" aria-labelledby="features-title">
          <div className="features-head">
            <h2 id="features-title" className="num">
              {counted(features, 'feature')} <span className="muted">in {counted(unit.examples, 'example')}</span>
            </h2>
            <button
              type="button"
              className="button quiet"
              aria-label="Save the examples as CSV"
              onClick={() => saveFeatures(unit, unitCut)}
            >
              CSV
            </button>
          </div>
          <FeatureList
            unit={unit}
            unitCut={unitCut}
            selected={selected}
            openExample={search.example !== undefined && search.example < unit.examples ? search.example : undefined}
            onSelect={onSelect}
            onToggle={onToggle}
          />
        </section>
      </div>
    </>
  );
}
