import { type CSSProperties, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { bankColour, resolveColour } from '../charts/colours.ts';
import { nameDrawing, PLOT_STYLE, usePlot } from '../charts/plot.tsx';
import { dotsPath, drawnAs } from '../charts/vector.ts';
import type { Metric } from '../source/answers.ts';
import { formatMetric, metricInfo } from '../ui/metric-info.ts';
import type { Points } from '../ui/points.ts';
import { useTheme } from '../ui/theme.ts';
import { useWidth } from '../ui/width.ts';
import { PointGrid } from './point-grid.ts';
import { UnitMeanings } from './unit-meanings.tsx';

const HEIGHT = 336;
const MARGIN = { top: 26, right: 14, bottom: 40, left: 52 };
/** Points from which on they are drawn smaller and fainter. */
const MANY = 8000;
/** Pixels from a point at which it is under the pointer. */
const REACH = 12;

/** One point a unit, any metric against any other: axes by Plot, points on a canvas, since there may be 36,864. */
export function Scatter({
  points,
  x,
  y,
  onOpen,
}: {
  points: Points;
  x: Metric;
  y: Metric;
  onOpen: (bank: string, index: number) => void;
}) {
  const plot = usePlot();
  const { dark } = useTheme();
  const [host, setHost] = useState<HTMLDivElement | null>(null);
  const axes = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useWidth(host);
  const [hover, setHover] = useState(-1);

  const places = useMemo(() => {
    if (plot === null || width === 0) return null;
    const [xs, ys] = [points.column(x), points.column(y)];
    const drawing = plot.plot({
      width,
      height: HEIGHT,
      marginTop: MARGIN.top,
      marginRight: MARGIN.right,
      marginBottom: MARGIN.bottom,
      marginLeft: MARGIN.left,
      style: PLOT_STYLE,
      x: {
        domain: extent(xs),
        type: scaleType(x),
        label: metricInfo(x).name,
        nice: true,
        ticks: Math.max(3, width / 90),
        ...tickFormat(x),
      },
      y: {
        domain: extent(ys),
        type: scaleType(y),
        label: metricInfo(y).name,
        nice: true,
        ticks: 6,
        ...tickFormat(y),
      },
      marks: [
        plot.gridX({ stroke: 'var(--line)', strokeOpacity: 1 }),
        plot.gridY({ stroke: 'var(--line)', strokeOpacity: 1 }),
      ],
    });
    nameDrawing(drawing, `${metricInfo(y).name} against ${metricInfo(x).name}, one point a unit`);
    const [toX, toY] = [drawing.scale('x')!.apply, drawing.scale('y')!.apply];
    const place = (values: Float64Array, apply: (v: number) => number) =>
      Float32Array.from(values, (value) => (Number.isNaN(value) ? Number.NaN : apply(value)));
    return { drawing, x: place(xs, toX), y: place(ys, toY) };
  }, [plot, width, points, x, y]);

  const grid = useMemo(() => {
    if (places === null) return null;
    const shown = places.x.map((value, i) => (points.shown[i] ? value : Number.NaN));
    return new PointGrid(shown, places.y);
  }, [places, points]);

  useLayoutEffect(() => {
    if (places !== null) axes.current?.replaceChildren(places.drawing);
  }, [places]);

  useEffect(() => {
    if (places === null || canvas.current === null) return;
    drawPoints(canvas.current, width, places, points, dark);
    drawnAs(canvas.current, () => shapes(places, points, dark));
  }, [places, points, width, dark]);

  const at = (event: { clientX: number; clientY: number }): number => {
    const box = host!.getBoundingClientRect();
    return grid?.nearest(event.clientX - box.left, event.clientY - box.top, REACH) ?? -1;
  };
  const unit = hover < 0 ? null : points.unit(hover);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the table opens the same units by keyboard
    // biome-ignore lint/a11y/useKeyWithClickEvents: the table opens the same units by keyboard
    <div
      ref={setHost}
      className="scatter"
      style={{ height: HEIGHT, cursor: hover < 0 ? 'default' : 'pointer' }}
      onPointerMove={(event) => setHover(at(event))}
      onPointerLeave={() => setHover(-1)}
      onClick={(event) => {
        const i = at(event);
        if (i >= 0) onOpen(points.unit(i).bank, points.unit(i).index);
      }}
    >
      <div ref={axes} />
      <canvas ref={canvas} />
      {unit === null || places === null ? null : (
        <>
          <i className="ring no-export" style={{ left: places.x[hover], top: places.y[hover] }} />
          <div
            className="tip point-tip no-export"
            style={tipPlace(places.x[hover]!, places.y[hover]!, width)}
          >
            <b>
              {unit.bank}/{unit.index}
            </b>
            {[x, y].map((metric, i) => (
              <span key={i === 0 ? 'x' : 'y'}>
                {metricInfo(metric).name}{' '}
                <b className="num">{formatMetric(metric, points.column(metric)[hover]!)}</b>
              </span>
            ))}
            <UnitMeanings {...unit} />
          </div>
        </>
      )}
    </div>
  );
}

/** Beside a point, on the side where there is more room; clear of it upwards or downwards. */
function tipPlace(x: number, y: number, width: number): CSSProperties {
  const side = x < width / 2 ? { left: x + 12 } : { right: width - x + 12 };
  return y < HEIGHT / 2 ? { ...side, top: y } : { ...side, bottom: HEIGHT - y };
}

/** The points as shapes, those that are left out first. */
function shapes({ x, y }: { x: Float32Array; y: Float32Array }, points: Points, dark: boolean): string {
  const radius = radiusOf(x.length);
  const opacity = opacityOf(x.length);
  const of = function* (isWanted: (i: number) => boolean): Iterable<readonly [number, number]> {
    for (let i = 0; i < x.length; i++) {
      if (isWanted(i) && !Number.isNaN(x[i]!) && !Number.isNaN(y[i]!)) yield [x[i]!, y[i]!];
    }
  };
  return [
    dotsPath(
      of((i) => points.shown[i] === 0),
      { radius, colour: resolveColour('var(--line)'), opacity: 0.5 },
    ),
    ...points.banks.map((_, bank) =>
      dotsPath(
        of((i) => points.shown[i] === 1 && points.bank[i] === bank),
        { radius, colour: bankColour(bank, points.banks, dark), opacity },
      ),
    ),
  ].join('');
}

function radiusOf(count: number): number {
  return count > MANY ? 1.5 : count > 1500 ? 2 : 3;
}

function opacityOf(count: number): number {
  return count > MANY ? 0.32 : count > 1500 ? 0.5 : 0.75;
}

function drawPoints(
  canvas: HTMLCanvasElement,
  width: number,
  { x, y }: { x: Float32Array; y: Float32Array },
  points: Points,
  dark: boolean,
): void {
  const ratio = Math.max(1, window.devicePixelRatio);
  canvas.width = width * ratio;
  canvas.height = HEIGHT * ratio;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${HEIGHT}px`;
  const context = canvas.getContext('2d')!;
  context.scale(ratio, ratio);
  const many = x.length > MANY;
  const radius = radiusOf(x.length);
  const faint = resolveColour('var(--line)');
  const fill = (bank: number | null, alpha: number, colour: string) => {
    context.globalAlpha = alpha;
    context.fillStyle = colour;
    context.beginPath();
    for (let i = 0; i < x.length; i++) {
      if (bank === null ? points.shown[i] : !points.shown[i] || points.bank[i] !== bank) continue;
      if (Number.isNaN(x[i]!) || Number.isNaN(y[i]!)) continue;
      if (many) context.rect(x[i]! - radius, y[i]! - radius, 2 * radius, 2 * radius);
      else {
        context.moveTo(x[i]! + radius, y[i]!);
        context.arc(x[i]!, y[i]!, radius, 0, 2 * Math.PI);
      }
      // One path a point, so that overlaps add up.
      context.fill();
      context.beginPath();
    }
  };
  fill(null, 0.5, faint);
  const alpha = opacityOf(x.length);
  points.banks.forEach((_, bank) => {
    fill(bank, alpha, bankColour(bank, points.banks, dark));
  });
}

function extent(values: Float64Array): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return [0, 1];
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

/** Shares crowd near zero. */
function scaleType(metric: Metric): 'sqrt' | 'linear' {
  return metric === 'density' ? 'sqrt' : 'linear';
}

function tickFormat(metric: Metric): { tickFormat?: string } {
  return metricInfo(metric).share ? { tickFormat: '~%' } : {};
}
