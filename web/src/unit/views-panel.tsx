import { lazy, Suspense, useRef } from 'react';
import type { CsvValue } from '../../../src/base/csv.ts';
import { MOST_DISTANCES } from '../../../src/contract/site.ts';
import { ExportButtons } from '../charts/figure.tsx';
import type { Unit } from '../source/answers.ts';
import { source } from '../source/chosen.ts';
import { Segments } from '../ui/controls.tsx';
import { METRIC_LIST } from '../ui/metric-info.ts';
import { saveCsv } from '../ui/save-file.ts';
import { Empty, Loading } from '../ui/states.tsx';
import type { Layout, View } from '../ui/url-state.ts';
import { tokenNoun, useImages } from '../ui/use-images.ts';
import { featureLegend, figureHeading } from './figure-caption.ts';
import { MetricsTable, metricNow } from './metrics-table.tsx';
import type { UnitCut } from './unit-cut.ts';

const EmbeddingMap = lazy(async () => ({ default: (await import('./map.tsx')).EmbeddingMap }));
const DistanceMatrix = lazy(async () => ({
  default: (await import('./distance-matrix.tsx')).DistanceMatrix,
}));
const CertaintyView = lazy(async () => ({ default: (await import('./certainty.tsx')).CertaintyView }));
const Histogram = lazy(async () => ({ default: (await import('./histogram.tsx')).Histogram }));

const NAMES: readonly (readonly [View, string])[] = [
  ['map', 'Map'],
  ['matrix', 'Distances'],
  ['activations', 'Activations'],
  ['metrics', 'Metrics'],
  ['certainty', 'How sure?'],
];

/** What the views are called where they stand alone. */
const FIGURE_NAMES: Partial<Record<View, string>> = {
  map: 'map of the embeddings',
  matrix: 'distances, near to far',
  activations: 'activations at all text tokens, and below of the examples of each feature',
};

const LAYOUTS: readonly (readonly [Layout, string])[] = [
  ['pca', 'PCA'],
  ['umap', 'UMAP'],
];

/** Whether distances between all examples can be had: a site has those of units of few examples. */
function hasDistances({ examples }: Unit): boolean {
  return !source().isSite || examples <= MOST_DISTANCES;
}

/** The unit seen in other ways: map, distance matrix, histogram, metrics, how sure its features are. */
export function ViewsPanel({
  unit,
  unitCut,
  view,
  layout,
  selected,
  onView,
  onLayout,
  onExample,
}: {
  unit: Unit;
  unitCut: UnitCut;
  view: View;
  layout: Layout;
  selected: number | undefined;
  onView: (view: View) => void;
  onLayout: (layout: Layout) => void;
  onExample: (example: number) => void;
}) {
  const body = useRef<HTMLDivElement>(null);
  const images = useImages();
  const name = `${unit.bank}-${unit.index}-${view}`;
  return (
    <section className="panel views-panel" aria-label="Views">
      <div className="panel-head">
        <Segments
          label="View"
          options={source().isSite ? NAMES.filter(([name]) => name !== 'certainty') : NAMES}
          value={view}
          onChange={onView}
        />
        <span className="grow" />
        {view === 'metrics' ? (
          <button
            type="button"
            className="button quiet"
            aria-label="Save the metrics as CSV"
            onClick={() => saveCsv(name, metricRows(unit, unitCut))}
          >
            CSV
          </button>
        ) : view === 'certainty' ? null : (
          <ExportButtons
            body={body}
            name={name}
            title={`the ${view}`}
            heading={figureHeading(unit, unitCut, FIGURE_NAMES[view] ?? view)}
            legend={featureLegend(unitCut)}
          />
        )}
      </div>
      <div className="panel-body">
        <div ref={body}>
          <Suspense fallback={<Loading what="the view" />}>
            {view === 'metrics' ? (
              <MetricsTable unit={unit} unitCut={unitCut} />
            ) : unit.examples === 0 && view !== 'activations' ? (
              <Empty title="No examples to show" />
            ) : view === 'matrix' && !hasDistances(unit) ? (
              <Empty title="Not in this copy">
                A site has the distances of units with up to {MOST_DISTANCES} examples.
              </Empty>
            ) : view === 'certainty' ? (
              <CertaintyView unit={unit} />
            ) : view === 'map' ? (
              <EmbeddingMap
                unit={unit}
                unitCut={unitCut}
                layout={layout}
                selected={selected}
                onExample={onExample}
              />
            ) : view === 'matrix' ? (
              <DistanceMatrix unitCut={unitCut} onExample={onExample} />
            ) : (
              <Histogram unit={unit} unitCut={unitCut} selected={selected} />
            )}
          </Suspense>
        </div>
        {view === 'map' && unit.examples > 3 ? (
          <div className="controls map-controls">
            <Segments
              label="Layout"
              options={hasDistances(unit) ? LAYOUTS : LAYOUTS.slice(0, 1)}
              value={layout}
              onChange={onLayout}
            />
            <span className="muted small">
              {layout === 'pca'
                ? 'The two directions along which the examples differ most.'
                : 'Neighbourhoods kept; distances between groups mean little.'}
            </span>
          </div>
        ) : null}
        {view === 'activations' && unit.examples > 0 ? (
          <p className="muted small">
            Bars: all {tokenNoun(images)}. Ticks: the examples of the eight largest features, one row a
            feature.
          </p>
        ) : null}
      </div>
    </section>
  );
}

function metricRows(unit: Unit, unitCut: UnitCut): CsvValue[][] {
  return [
    ['metric', 'value', 'rank', 'of'],
    ...METRIC_LIST.map(({ metric }) => [
      metric,
      metricNow(unit, unitCut, metric) ?? null,
      unit.ranks[metric]?.rank ?? null,
      unit.ranks[metric]?.of ?? null,
    ]),
  ];
}
