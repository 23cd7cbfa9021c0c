import { useCallback, useState } from 'react';
import { rowStart } from '../../../src/embed/condensed.ts';
import { formatThree } from '../data/metrics.ts';
import { Empty, Loading } from '../parts/states.tsx';
import { setHovered } from '../state/hover.ts';
import { useTheme } from '../state/theme.ts';
import type { UnitCut } from '../state/unit-cut.ts';
import { distanceColour, exampleColours } from './colours.ts';
import { PLOT_STYLE, type Plot, PlotFigure } from './plot.tsx';

const MARGIN = 16;
const MOST = 404;

/** Distances between all examples, in the order of the tree: features are the blocks along the diagonal. */
export function Matrix({ unitCut, onExample }: { unitCut: UnitCut; onExample: (example: number) => void }) {
  const { order, distances, cut } = unitCut;
  const { dark } = useTheme();
  const [pair, setPair] = useState<readonly [number, number] | null>(null);
  const n = order.length;
  const draw = useCallback(
    (plot: Plot, available: number) => {
      const width = Math.min(MOST, available);
      const colours = exampleColours(cut.features);
      const own = { value: (example: number) => colours[example]!, scale: null };
      const cells = new Float64Array(n * n);
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) cells[i * n + j] = between(distances, n, order[i]!, order[j]!);
      }
      return plot.plot({
        width,
        height: width,
        margin: MARGIN,
        marginRight: 4,
        marginBottom: 4,
        style: PLOT_STYLE,
        x: { axis: null, domain: [0, n], range: [MARGIN, width - 4] },
        y: { axis: null, domain: [0, n], range: [MARGIN, width - 4] },
        color: { type: 'linear', domain: [0, 1.2], clamp: true, interpolate: (t: number) => distanceColour(t, dark) },
        marks: [
          plot.raster(cells, { width: n, height: n, x1: 0, y1: 0, x2: n, y2: n, fill: (d: number) => d, imageRendering: 'pixelated' }),
          plot.rect(order, { x1: (_, i) => i, x2: (_, i) => i + 1, y1: -strip(n, width), y2: -strip(n, width) / 4, fill: own }),
          plot.rect(order, { y1: (_, i) => i, y2: (_, i) => i + 1, x1: -strip(n, width), x2: -strip(n, width) / 4, fill: own }),
          plot.rect(blocks(order, cut.labels), { x1: 'from', x2: 'to', y1: 'from', y2: 'to', stroke: 'var(--ink)', strokeWidth: 1, fill: 'none', inset: -0.5 }),
        ],
      });
    },
    [order, distances, cut, dark, n],
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
  const stops = Array.from({ length: 9 }, (_, i) => distanceColour(i / 8, dark)).join(', ');
  return (
    <span className="scale">
      0 <i style={{ background: `linear-gradient(to right, ${stops})` }} /> 1.2
    </span>
  );
}

/** Runs of one feature along the tree. */
function blocks(order: Int32Array, labels: Int32Array): { from: number; to: number }[] {
  const found: { from: number; to: number }[] = [];
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && labels[order[to]!] === labels[order[from]!]) to++;
    if (to - from > 1) found.push({ from, to });
    from = to;
  }
  return found;
}

function between(distances: Float64Array | null, n: number, a: number, b: number): number {
  if (a === b || distances === null) return 0;
  return distances[rowStart(n, Math.min(a, b)) + Math.max(a, b)]!;
}

/** Width of the colour strips in cells. */
function strip(n: number, width: number): number {
  return (n * (MARGIN - 6)) / Math.max(1, width - MARGIN);
}
