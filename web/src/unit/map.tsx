import { useQuery } from '@tanstack/react-query';
import { useCallback, useLayoutEffect, useState } from 'react';
import { PLOT_STYLE, type Plot, PlotFigure } from '../charts/plot.tsx';
import type { Unit } from '../source/answers.ts';
import { mapQuery, vectorsQuery } from '../source/query-options.ts';
import { formatShare } from '../ui/metric-info.ts';
import { Failure, Loading } from '../ui/states.tsx';
import type { Layout } from '../ui/url-state.ts';
import { getHovered, setHovered, subscribeHovered } from './hover.ts';
import { MapMarks } from './map-marks.ts';
import type { UnitCut } from './unit-cut.ts';
import { useUmap } from './use-umap.ts';

const HEIGHT = 288;

/** The examples by their neuron embeddings in two dimensions: near is alike. */
export function EmbeddingMap({
  unit,
  unitCut,
  layout,
  selected,
  onExample,
}: {
  unit: Unit;
  unitCut: UnitCut;
  layout: Layout;
  selected: number | undefined;
  onExample: (example: number) => void;
}) {
  const { bank, index } = unit;
  const pca = useQuery(mapQuery(bank, index));
  const vectors = useQuery({ ...vectorsQuery(bank, index), enabled: layout === 'umap' });
  const umap = useUmap(layout === 'umap' ? vectors.data : undefined, `${bank}/${index}`);
  const places = (layout === 'umap' ? umap : pca.data) ?? null;
  const variance = layout === 'pca' ? pca.data?.variance : undefined;
  const error = pca.error ?? vectors.error;
  const { features, featureOf } = unitCut.cut;
  const [marks, setMarks] = useState<MapMarks | null>(null);
  const radius = unit.examples > 300 ? 3 : 5;
  const draw = useCallback(
    (plot: Plot, width: number) => {
      const { x, y } = places ?? { x: [], y: [] };
      const share = (i: 0 | 1) => (variance === undefined ? '' : ` (${formatShare(variance[i]!)})`);
      return plot.plot({
        width,
        height: HEIGHT,
        margin: 14,
        marginBottom: 26,
        marginLeft: 22,
        inset: 10,
        style: PLOT_STYLE,
        x: { label: layout === 'pca' ? `first component${share(0)}` : null, ticks: [], nice: true },
        y: { label: layout === 'pca' ? `second component${share(1)}` : null, ticks: [], nice: true },
        marks: [
          plot.frame({ stroke: 'var(--line)' }),
          plot.dot(x, {
            x,
            y,
            // Symbols are paths, whose shapes `MapMarks` gives them.
            symbol: () => 'circle',
            fill: 'none',
            stroke: 'var(--raised)',
            strokeWidth: 0.8,
            className: 'dots',
          }),
        ],
      });
    },
    [places, layout, variance],
  );
  useLayoutEffect(
    () => marks?.show({ features, featureOf, selected }),
    [marks, features, featureOf, selected],
  );
  if (error !== null) return <Failure error={error} />;
  if (places === null) return <Loading what={layout === 'umap' ? 'UMAP' : 'the map'} />;
  return (
    <PlotFigure
      draw={draw}
      height={HEIGHT}
      label={`Map of ${unit.examples} examples in two dimensions, coloured by feature`}
      onDraw={(drawing) => {
        const drawn = new MapMarks(drawing, places, radius);
        setMarks(drawn);
        return tie(drawing, drawn.dots, onExample);
      }}
    />
  );
}

/** Ties the dots to the examples: hover both ways, click opens. */
function tie(drawing: Element, dots: readonly Element[], onExample: (example: number) => void): () => void {
  const number = (target: EventTarget | null) => dots.indexOf(target as SVGElement);
  drawing.addEventListener('pointermove', (event) => setHovered(number(event.target)));
  drawing.addEventListener('pointerleave', () => setHovered(-1));
  drawing.addEventListener('click', (event) => {
    if (number(event.target) >= 0) onExample(number(event.target));
  });
  let marked: Element | undefined;
  return subscribeHovered(() => {
    marked?.classList.remove('hovered');
    marked = dots[getHovered()];
    marked?.classList.add('hovered');
    if (marked !== undefined && !marked.matches(':hover')) marked.parentElement!.append(marked);
  });
}
