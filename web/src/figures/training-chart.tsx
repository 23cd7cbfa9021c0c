import { useLayoutEffect, useMemo, useRef, useState } from 'react';
import { type FigureInfo, formatFour, logTicks, nearest, smoothed, valuesOf } from '../data/trainings.ts';
import type { TrainingLog } from '../data/types.ts';
import { setCrosshair, useCrosshair } from '../state/crosshair.ts';
import type { Stroke } from '../state/run-strokes.ts';
import { useWidth } from '../state/width.ts';
import { Figure } from './figure.tsx';
import { nameDrawing, PLOT_STYLE, usePlot } from './plot.tsx';

const HEIGHT = 190;
const MARGIN = { top: 10, right: 14, bottom: 30, left: 48 };
/** Runs that a tip has room for. */
const TIP_ROWS = 9;
/** Opacity of the figures themselves behind their smoothed curve. */
const RAW = 0.28;

/** A training that is drawn. */
export interface DrawnRun {
  readonly name: string;
  readonly short: string;
  readonly stroke: Stroke;
  readonly log: TrainingLog;
}

export interface ChartSettings {
  readonly over: 'step' | 'tokens';
  readonly isLog: boolean;
  readonly smooth: number;
}

interface Curve extends DrawnRun {
  readonly x: readonly number[];
  readonly raw: readonly (number | null)[];
  readonly y: readonly (number | null)[];
}

/** One figure of several trainings over their steps, with a crosshair that all charts share. */
export function TrainingChart({
  info,
  runs,
  settings,
}: {
  info: FigureInfo;
  runs: readonly DrawnRun[];
  settings: ChartSettings;
}) {
  const { over } = settings;
  const smooth = info.canSmooth ? settings.smooth : 0;
  const isLog = settings.isLog && info.canLog;
  const plot = usePlot();
  const [host, setHost] = useState<HTMLDivElement | null>(null);
  const axes = useRef<HTMLDivElement>(null);
  const width = useWidth(host);

  const curves = useMemo(
    () =>
      runs.map((run): Curve => {
        const raw = valuesOf(info, run.log);
        return { ...run, x: run.log[over], raw, y: smoothed(raw, smooth) };
      }),
    [runs, info, over, smooth],
  );

  const drawing = useMemo(() => {
    if (plot === null || width === 0) return null;
    const line = ({ x, stroke }: Curve, y: readonly (number | null)[], strokeOpacity: number) =>
      plot.line(
        { length: x.length },
        {
          x,
          y: y.map((value) => (value === null || (isLog && value <= 0) ? Number.NaN : value)),
          stroke: stroke.colour,
          strokeDasharray: strokeOpacity < 1 ? '' : stroke.dash,
          strokeWidth: strokeOpacity < 1 ? 1 : 1.75,
          strokeOpacity,
          clip: true,
        },
      );
    const end = Math.max(1, ...curves.map(({ x }) => x.at(-1) ?? 0));
    const domain = extent(curves, info, isLog);
    const drawn = plot.plot({
      width,
      height: HEIGHT,
      marginTop: MARGIN.top,
      marginRight: MARGIN.right,
      marginBottom: MARGIN.bottom,
      marginLeft: MARGIN.left,
      style: PLOT_STYLE,
      x: {
        domain: [0, end],
        label: null,
        ticks: Math.max(3, width / 90),
        tickFormat: end < 10_000 ? ',d' : '~s',
      },
      y: {
        type: isLog ? 'log' : 'linear',
        domain,
        nice: !isLog,
        label: null,
        ticks: isLog ? logTicks(...domain) : 5,
        ...(info.ticks !== undefined ? { tickFormat: info.ticks } : isLog ? { tickFormat: formatTick } : {}),
      },
      marks: [
        plot.gridX({ stroke: 'var(--line)', strokeOpacity: 1 }),
        plot.gridY({ stroke: 'var(--line)', strokeOpacity: 1 }),
        ...(smooth > 0 ? curves.map((curve) => line(curve, curve.raw, RAW)) : []),
        ...curves.map((curve) => line(curve, curve.y, 1)),
        // One line makes no curve yet.
        ...curves
          .filter(({ x, y }) => x.length === 1 && y[0] !== null && !(isLog && y[0]! <= 0))
          .map(({ x, y, stroke }) => plot.dot([0], { x: [x[0]], y: [y[0]], r: 2.5, fill: stroke.colour })),
      ],
    });
    nameDrawing(drawn, `${info.name} of ${runs.map(({ name }) => name).join(', ')} over ${over}s`);
    return drawn;
  }, [plot, width, curves, runs, info, over, isLog, smooth]);

  useLayoutEffect(() => {
    if (drawing !== null) axes.current?.replaceChildren(drawing);
  }, [drawing]);

  return (
    <Figure
      className="chart"
      title={info.name}
      name={`training-${info.figure}`}
      note={info.sentence}
      legend={runs.map(({ short, name, stroke }) => ({ name: runs.length > 1 ? short : name, ...stroke }))}
      rows={() => chartRows(info, curves, smooth)}
    >
      <div ref={setHost} className="chart-host" style={{ height: HEIGHT }}>
        <div ref={axes} />
        {drawing === null ? null : (
          <Overlay info={info} curves={curves} drawing={drawing} width={width} over={over} isLog={isLog} />
        )}
      </div>
    </Figure>
  );
}

type Drawing =
  NonNullable<ReturnType<typeof usePlot>> extends { plot: (...args: never[]) => infer D } ? D : never;

/** The crosshair of one chart: moved by pointer or keys in any of them. */
function Overlay({
  info,
  curves,
  drawing,
  width,
  over,
  isLog,
}: {
  info: FigureInfo;
  curves: readonly Curve[];
  drawing: Drawing;
  width: number;
  over: 'step' | 'tokens';
  isLog: boolean;
}) {
  const crosshair = useCrosshair();
  const toX = drawing.scale('x')!;
  const toY = drawing.scale('y')!;
  const longest = curves.reduce(
    (best, { x }) => (x.length > best.length ? x : best),
    [] as readonly number[],
  );
  const values = crosshair === null ? [] : curves.map((curve) => valueAt(curve, crosshair.x));
  const unit = over === 'step' ? 'step' : 'tokens';
  const move = (x: number) => {
    // To the nearest line of any training.
    let best = Number.NaN;
    for (const { x: xs } of curves) {
      const found = xs[nearest(xs, x)];
      if (found !== undefined && !(Math.abs(found - x) >= Math.abs(best - x))) best = found;
    }
    if (!Number.isNaN(best)) setCrosshair({ x: best, figure: info.figure });
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const at = crosshair === null ? longest.length - 1 : nearest(longest, crosshair.x);
    const by = KEYS[event.key];
    if (event.key === 'Escape') setCrosshair(null);
    else if (by !== undefined && longest.length > 0) {
      const to = Math.min(longest.length - 1, Math.max(0, at + by));
      setCrosshair({ x: longest[to]!, figure: info.figure });
    } else return;
    event.preventDefault();
  };
  const told = curves.map(({ name }, i) => {
    const value = crosshair === null ? lastValue(curves[i]!) : values[i];
    return `${name} ${value == null ? 'none' : info.format(value)}`;
  });
  const now = crosshair?.x ?? longest.at(-1) ?? 0;
  const px = crosshair === null ? 0 : toX.apply(crosshair.x);
  const isOwn = crosshair?.figure === info.figure;
  const shown = curves.flatMap((curve, i) => (values[i] == null ? [] : [{ ...curve, value: values[i]! }]));
  return (
    // biome-ignore lint/a11y/useSemanticElements: an input of type range has no place for a chart
    <div
      className="crosshair no-export"
      role="slider"
      tabIndex={0}
      aria-label={`${info.name}, ${unit}`}
      aria-valuemin={longest[0] ?? 0}
      aria-valuemax={longest.at(-1) ?? 0}
      aria-valuenow={now}
      aria-valuetext={`${unit} ${now.toLocaleString('en')}: ${told.join('; ')}`}
      onPointerMove={(event) => {
        const left = event.currentTarget.getBoundingClientRect().left;
        move(toX.invert!(event.clientX - left));
      }}
      onPointerLeave={() => setCrosshair(null)}
      onKeyDown={onKeyDown}
      onBlur={() => setCrosshair(null)}
    >
      {crosshair === null || !(px >= MARGIN.left - 1 && px <= width) ? null : (
        <>
          <i className="rule" style={{ left: px, top: MARGIN.top, bottom: MARGIN.bottom }} />
          {shown
            .filter(({ value }) => !isLog || value > 0)
            .map(({ name, value, stroke }) => {
              const top = toY.apply(value);
              if (!(top >= 0 && top <= HEIGHT - MARGIN.bottom)) return null;
              return (
                <i key={name} className="mark-dot" style={{ left: px, top, background: stroke.colour }} />
              );
            })}
          <div
            className={`tip training-tip${isOwn ? '' : ' other'}`}
            style={px < width / 2 ? { left: px + 10 } : { right: width - px + 10 }}
          >
            {isOwn && (
              <span className="at num">
                {unit} <b>{crosshair.x.toLocaleString('en')}</b>
              </span>
            )}
            {shown.slice(0, TIP_ROWS).map(({ name, short, value, stroke }) => (
              <span key={name}>
                <RunSwatch stroke={stroke} />
                <bdi className="tip-name">{isOwn ? name : short}</bdi>
                <b className="num">{info.format(value)}</b>
              </span>
            ))}
            {shown.length > TIP_ROWS && <span>and {shown.length - TIP_ROWS} more</span>}
          </div>
        </>
      )}
    </div>
  );
}

const KEYS: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowRight: 1,
  ArrowDown: -1,
  ArrowUp: 1,
  PageDown: -10,
  PageUp: 10,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

/** A short stroke as the curves have it. */
export function RunSwatch({ stroke: { colour, dash } }: { stroke: Stroke }) {
  return (
    <svg className="run-swatch" viewBox="0 0 18 8" aria-hidden="true">
      <line x1="0" x2="18" y1="4" y2="4" stroke={colour} strokeWidth="3" strokeDasharray={dash} />
    </svg>
  );
}

/** The curve's value at the line nearest to `x`; null past its ends. */
function valueAt({ x: xs, y }: Curve, x: number): number | null {
  const at = nearest(xs, x);
  if (at < 0) return null;
  const spacing = xs.length < 2 ? 0 : (xs.at(-1)! - xs[0]!) / (xs.length - 1);
  return Math.abs(xs[at]! - x) > 2 * spacing ? null : y[at]!;
}

function lastValue({ y }: Curve): number | null {
  return y.at(-1) ?? null;
}

/** Least and largest value; variance explained is not shown below zero by more than a little, since it begins far below. */
function extent(curves: readonly Curve[], { figure }: FigureInfo, isLog: boolean): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { y } of curves) {
    for (const value of y) {
      if (value === null || (isLog && value <= 0)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (low > high) return isLog ? [1, 10] : [0, 1];
  if (figure === 'explainedVariance') low = Math.max(low, Math.min(-0.1, high));
  if (isLog) return low === high ? [low / 2, high * 2] : [low / 1.06, high * 1.06];
  if (low === high) [low, high] = low === 0 ? [0, 1] : [low - Math.abs(low) / 10, high + Math.abs(high) / 10];
  return [low, high];
}

/** 5e−4 where that is shorter. */
function formatTick(value: number): string {
  return value < 1e-3 ? value.toExponential(0).replace('-', '−') : formatFour(value);
}

function chartRows(
  { figure }: FigureInfo,
  curves: readonly Curve[],
  smooth: number,
): (string | number | null)[][] {
  return [
    ['training', 'step', 'tokens', figure, ...(smooth > 0 ? [`smoothed_${smooth}`] : [])],
    ...curves.flatMap(({ name, log, raw, y }) =>
      log.step.map((step, i) => [name, step, log.tokens[i]!, raw[i]!, ...(smooth > 0 ? [y[i]!] : [])]),
    ),
  ];
}
