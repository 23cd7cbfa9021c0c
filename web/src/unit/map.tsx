import { useQuery } from '@tanstack/react-query';
import { useCallback, useMemo } from 'react';
import { visible } from '../../../src/base/visible.ts';
import { PLOT_STYLE, type Plot, PlotFigure } from '../charts/plot.tsx';
import type { Unit } from '../source/answers.ts';
import { mapQuery, vectorsQuery } from '../source/query-options.ts';
import { exampleColours, exampleMarks, MARK_SYMBOLS } from '../ui/feature-colours.ts';
import { formatShare } from '../ui/metric-info.ts';
import { Failure, Loading } from '../ui/states.tsx';
import type { Layout } from '../ui/url-state.ts';
import { getHovered, setHovered, subscribeHovered } from './hover.ts';
import type { UnitCut } from './unit-cut.ts';
import { useUmap } from './use-umap.ts';

/** Characters of a feature's word on the map. */
const LONGEST_LABEL = 18;
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
  const places = layout === 'umap' ? umap : pca.data;
  const error = pca.error ?? vectors.error;
  const { features, featureOf } = unitCut.cut;
  const colours = useMemo(() => exampleColours(features), [features]);
  const marks = useMemo(() => exampleMarks(features), [features]);
  const draw = useCallback(
    (plot: Plot, width: number) => {
      const { x, y } = places ?? { x: [], y: [] };
      const share = (i: 0 | 1) =>
        layout === 'pca' && pca.data ? ` (${formatShare(pca.data.variance[i]!)})` : '';
      const faded = (i: number) => selected !== undefined && featureOf[i] !== selected;
      const named = features
        .filter(({ id, size, words }) => id < 8 && size > 1 && words.length > 0)
        .map(({ members, words, id }) => ({
          id,
          word: short(visible(words.find((word) => /\p{L}/u.test(word)) ?? words[0]!)),
          x: median(members.map((i) => x[i]!)),
          y: median(members.map((i) => y[i]!)),
        }));
      const labels = apart(named, { x, y }, width);
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
            r: x.length > 300 ? 3 : 5,
            symbol: (_: number, i: number) => MARK_SYMBOLS[marks[i] ?? 0],
            fill: (_: number, i: number) => colours[i] ?? 'var(--f-rest)',
            fillOpacity: (_: number, i: number) => (faded(i) ? 0.2 : 0.82),
            stroke: 'var(--raised)',
            strokeWidth: 0.8,
            className: 'dots',
          }),
          plot.text(labels, {
            x: 'x',
            y: 'y',
            text: 'word',
            dy: -11,
            fill: 'var(--ink)',
            stroke: 'var(--raised)',
            strokeWidth: 3.5,
            fontWeight: 600,
            fillOpacity: (d: { id: number }) => (selected === undefined || d.id === selected ? 1 : 0.35),
          }),
        ],
      });
    },
    [places, layout, pca.data, colours, marks, featureOf, features, selected],
  );
  if (error !== null) return <Failure error={error} />;
  if (places === undefined || places === null)
    return <Loading what={layout === 'umap' ? 'UMAP' : 'the map'} />;
  return (
    <PlotFigure
      draw={draw}
      height={HEIGHT}
      label={`Map of ${unit.examples} examples in two dimensions, coloured by feature`}
      onDraw={(drawing) => tie(drawing, onExample)}
    />
  );
}

/** Ties the dots to the examples: hover both ways, click opens. */
function tie(drawing: Element, onExample: (example: number) => void): () => void {
  const dots = [...drawing.querySelectorAll<SVGElement>('.dots > *')];
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

/** Labels that lie on no other: of two that would, the larger feature's stays. Pixels are about those of the drawing. */
function apart<T extends { readonly word: string; readonly x: number; readonly y: number }>(
  labels: readonly T[],
  places: { readonly x: ArrayLike<number>; readonly y: ArrayLike<number> },
  width: number,
): T[] {
  const scale = (values: ArrayLike<number>, length: number) => {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = 0; i < values.length; i++) {
      low = Math.min(low, values[i]!);
      high = Math.max(high, values[i]!);
    }
    return (value: number) => ((value - low) / (high - low || 1)) * length;
  };
  const toX = scale(places.x, width - 60);
  const toY = scale(places.y, HEIGHT - 60);
  const kept: T[] = [];
  for (const label of labels) {
    const isFree = kept.every(
      (other) =>
        Math.abs(toY(other.y) - toY(label.y)) > 15 ||
        Math.abs(toX(other.x) - toX(label.x)) > 3.6 * (other.word.length + label.word.length),
    );
    if (isFree) kept.push(label);
  }
  return kept;
}

/** A word as a label: a long one is cut. */
function short(word: string): string {
  const characters = [...word];
  return characters.length <= LONGEST_LABEL ? word : `${characters.slice(0, LONGEST_LABEL - 1).join('')}…`;
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
