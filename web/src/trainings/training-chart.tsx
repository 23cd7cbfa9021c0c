import { useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { CsvValue } from '../../../src/base/csv.ts';
import { visible } from '../../../src/base/visible.ts';
import { Figure } from '../charts/figure.tsx';
import { nameDrawing, PLOT_STYLE, usePlot } from '../charts/plot.tsx';
import { useWidth } from '../ui/width.ts';
import { turns } from './coinciding.ts';
import { type FigureInfo, formatFour, logTicks, smoothed, valuesOf } from './runs.ts';
import { TrainingCrosshair } from './training-crosshair.tsx';
import { type Curve, type DrawnRun, HEIGHT, MARGIN } from './training-curve.ts';

/** Opacity of the figures themselves behind their smoothed curve. */
const RAW = 0.28;

export interface ChartSettings {
  readonly over: 'step' | 'tokens';
  readonly isLog: boolean;
  readonly smooth: number;
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
    const domain = extent(curves, info, isLog);
    const scaled = curves.map(({ x, y }) => ({
      x,
      y: isLog ? y.map((value) => (value === null || value <= 0 ? null : Math.log(value))) : y,
    }));
    const inTurns = turns(scaled, isLog ? Math.log(domain[1] / domain[0]) : domain[1] - domain[0]);
    const line = (
      { x, stroke }: Curve,
      y: readonly (number | null)[],
      strokeOpacity: number,
      turn?: { dash: string; offset: number },
    ) =>
      plot.line(
        { length: x.length },
        {
          x,
          y: y.map((value) => (value === null || (isLog && value <= 0) ? Number.NaN : value)),
          stroke: stroke.colour,
          strokeDasharray: strokeOpacity < 1 ? '' : (turn?.dash ?? stroke.dash),
          strokeDashoffset: turn?.offset ?? 0,
          strokeWidth: strokeOpacity < 1 ? 1 : 1.75,
          strokeOpacity,
          clip: true,
        },
      );
    const end = Math.max(1, ...curves.map(({ x }) => x.at(-1) ?? 0));
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
        label: over === 'step' ? 'step' : 'token',
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
        ...curves.map((curve, i) => line(curve, curve.y, 1, inTurns[i])),
        // One line makes no curve yet.
        ...curves
          .filter(({ x, y }) => x.length === 1 && y[0] !== null && !(isLog && y[0]! <= 0))
          .map(({ x, y, stroke }) => plot.dot([0], { x: [x[0]], y: [y[0]], r: 2.5, fill: stroke.colour })),
      ],
    });
    nameDrawing(drawn, `${info.name} of ${runs.map(({ name }) => visible(name)).join(', ')} over ${over}s`);
    return drawn;
  }, [plot, width, curves, runs, info, over, isLog, smooth]);

  useLayoutEffect(() => {
    if (drawing !== null) axes.current?.replaceChildren(drawing);
  }, [drawing]);

  return (
    <Figure
      className="chart"
      title={info.name}
      heading={`${info.name} by ${over}`}
      name={`training-${info.figure}`}
      note={info.sentence}
      legend={runs.map(({ short, name, stroke }) => ({ name: runs.length > 1 ? short : name, ...stroke }))}
      rows={() => chartRows(info, curves, smooth)}
    >
      <div ref={setHost} className="chart-host" style={{ height: HEIGHT }}>
        <div ref={axes} />
        {drawing === null ? null : (
          <TrainingCrosshair
            info={info}
            curves={curves}
            drawing={drawing}
            width={width}
            over={over}
            isLog={isLog}
          />
        )}
      </div>
    </Figure>
  );
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
  // A curve does not lie on the frame.
  const room = (high - low) * 0.04;
  if (low < high) return [low === 0 ? 0 : low - room, high + room];
  if (low === high) [low, high] = low === 0 ? [0, 1] : [low - Math.abs(low) / 10, high + Math.abs(high) / 10];
  return [low, high];
}

/** 5e−4 where that is shorter. */
function formatTick(value: number): string {
  return value < 1e-3 ? value.toExponential(0).replace('-', '−') : formatFour(value);
}

function chartRows({ figure }: FigureInfo, curves: readonly Curve[], smooth: number): CsvValue[][] {
  return [
    ['training', 'step', 'tokens', figure, ...(smooth > 0 ? [`smoothed_${smooth}`] : [])],
    ...curves.flatMap(({ name, log, raw, y }) =>
      log.step.map((step, i) => [name, step, log.tokens[i]!, raw[i]!, ...(smooth > 0 ? [y[i]!] : [])]),
    ),
  ];
}
