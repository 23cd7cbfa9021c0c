import { useCallback, useMemo, useState } from 'react';
import { distanceRgb } from '../charts/colours.ts';
import { PLOT_STYLE, type Plot, PlotFigure } from '../charts/plot.tsx';
import { drawnAs } from '../charts/vector.ts';
import { exampleColours } from '../ui/feature-colours.ts';
import { formatThree } from '../ui/metric-info.ts';
import { Empty, Loading } from '../ui/states.tsx';
import { useTheme } from '../ui/theme.ts';
import { setHovered } from './hover.ts';
import { between, FARTHEST, matrixImage, matrixShapes } from './matrix-image.ts';
import type { UnitCut } from './unit-cut.ts';

const MARGIN = 16;
const MOST = 404;

/** Distances between all examples, in the order of the tree: features are the blocks along the diagonal. */
export function DistanceMatrix({
  unitCut,
  onExample,
}: {
  unitCut: UnitCut;
  onExample: (example: number) => void;
}) {
  const { order, distances, cut } = unitCut;
  const { dark } = useTheme();
  const [pair, setPair] = useState<readonly [number, number] | null>(null);
  const n = order.length;
  const url = useMemo(
    () => (distances === null ? '' : matrixImage(distances, order, dark)),
    [distances, order, dark],
  );
  const draw = useCallback(
    (plot: Plot, available: number) => {
      const width = Math.min(MOST, available);
      const colours = exampleColours(cut.features);
      const own = { value: (example: number) => colours[example]!, scale: null };
      return plot.plot({
        width,
        height: width,
        margin: MARGIN,
        marginRight: 4,
        marginBottom: 4,
        style: PLOT_STYLE,
        x: { axis: null, domain: [0, n], range: [MARGIN, width - 4] },
        y: { axis: null, domain: [0, n], range: [MARGIN, width - 4] },
        marks: [
          // A mark of one image: as one cell a pair, Plot would take seconds for a thousand examples.
          () => {
            const image = document.createElementNS('http://www.w3.org/2000/svg', 'image');
            const side = String(width - 4 - MARGIN);
            const place = { href: url, x: String(MARGIN), y: String(MARGIN), width: side, height: side };
            for (const [name, value] of Object.entries(place)) image.setAttribute(name, value);
            image.setAttribute('style', 'image-rendering: pixelated');
            drawnAs(image, () => matrixShapes(distances!, order, dark, width - 4 - MARGIN));
            return image;
          },
          plot.rect(order, {
            x1: (_, i) => i,
            x2: (_, i) => i + 1,
            y1: -strip(n, width),
            y2: -strip(n, width) / 4,
            fill: own,
          }),
          plot.rect(order, {
            y1: (_, i) => i,
            y2: (_, i) => i + 1,
            x1: -strip(n, width),
            x2: -strip(n, width) / 4,
            fill: own,
          }),
          plot.rect(blocks(order, cut.featureOf), {
            x1: 'from',
            x2: 'to',
            y1: 'from',
            y2: 'to',
            stroke: 'var(--ink)',
            strokeWidth: 1,
            fill: 'none',
            inset: -0.5,
          }),
        ],
      });
    },
    [order, url, cut, n, distances, dark],
  );
  if (n < 2) return <Empty title="Nothing to compare">A distance needs two examples.</Empty>;
  if (distances === null) return <Loading what="the distances" />;
  return (
    <>
      <PlotFigure
        draw={draw}
        height={300}
        label={`Distances between ${n} examples, ordered by the tree`}
        onDraw={(drawing) => {
          const cell = (event: PointerEvent | MouseEvent): readonly [number, number] | null => {
            const box = drawing.getBoundingClientRect();
            const place = (at: number) => Math.floor(((at - MARGIN) / (box.width - MARGIN - 4)) * n);
            const [i, j] = [place(event.clientX - box.left), place(event.clientY - box.top)];
            return i < 0 || j < 0 || i >= n || j >= n ? null : [order[i]!, order[j]!];
          };
          drawing.addEventListener('pointermove', (event) => {
            const found = cell(event as PointerEvent);
            setPair(found);
            setHovered(found?.[1] ?? -1);
          });
          drawing.addEventListener('pointerleave', () => {
            setPair(null);
            setHovered(-1);
          });
          drawing.addEventListener('click', (event) => {
            const found = cell(event as MouseEvent);
            if (found !== null) onExample(found[1]);
          });
          return undefined;
        }}
      />
      <p className="matrix-note muted small num no-export">
        <Scale dark={dark} />
        <span>
          {pair === null
            ? 'Distance, near to far'
            : `Examples ${pair[0]} and ${pair[1]}: ${formatThree(between(distances, n, pair[0], pair[1]))}`}
        </span>
      </p>
    </>
  );
}

function Scale({ dark }: { dark: boolean }) {
  const stops = Array.from({ length: 9 }, (_, i) => `rgb(${distanceRgb(i / 8, dark)})`).join(', ');
  return (
    <span className="scale">
      0 <i style={{ background: `linear-gradient(to right, ${stops})` }} /> {FARTHEST}
    </span>
  );
}

/** Runs of one feature along the tree. */
function blocks(order: Int32Array, featureOf: Int32Array): { from: number; to: number }[] {
  const found: { from: number; to: number }[] = [];
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && featureOf[order[to]!] === featureOf[order[from]!]) to++;
    if (to - from > 1) found.push({ from, to });
    from = to;
  }
  return found;
}

/** Width of the colour strips in cells. */
function strip(n: number, width: number): number {
  return (n * (MARGIN - 6)) / Math.max(1, width - MARGIN);
}
