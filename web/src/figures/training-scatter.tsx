import { useCallback, useMemo } from 'react';
import { figureInfo } from '../data/trainings.ts';
import type { Training } from '../data/types.ts';
import type { Stroke } from '../state/run-strokes.ts';
import { STANDINGS, type Standing } from '../state/search.ts';
import { Figure } from './figure.tsx';
import { PLOT_STYLE, type Plot, PlotFigure } from './plot.tsx';

const HEIGHT = 430;

/** A training that has figures. */
export interface StandingRun {
  readonly training: Training;
  readonly short: string;
  readonly stroke: Stroke;
}

interface Point {
  readonly x: number;
  readonly y: number;
  readonly run: StandingRun;
}

/** Where each training stands by its last line: one figure against another. Members of a sweep are joined in its order. */
export function TrainingScatter({
  runs,
  x,
  y,
  onAxes,
}: {
  runs: readonly StandingRun[];
  x: Standing;
  y: Standing;
  onAxes: (axes: { x?: Standing; y?: Standing }) => void;
}) {
  const points = useMemo(
    () =>
      runs.flatMap((run): Point[] => {
        const [across, up] = [run.training.last?.[x] ?? null, run.training.last?.[y] ?? null];
        return across === null || up === null ? [] : [{ x: across, y: up, run }];
      }),
    [runs, x, y],
  );
  const draw = useCallback(
    (plot: Plot, width: number) => {
      const groups = new Map<string, Point[]>();
      for (const point of points) {
        const { group } = point.run.training;
        if (group !== null) groups.set(group, [...(groups.get(group) ?? []), point]);
      }
      const middle = points.reduce((sum, point) => sum + point.x, 0) / points.length;
      const side = (right: boolean) =>
        plot.text(
          points.filter((point) => point.x > middle !== right),
          {
            x: 'x',
            y: 'y',
            text: (point: Point) => clipped(point.run.short),
            dx: right ? 10 : -10,
            textAnchor: right ? 'start' : 'end',
            fill: 'var(--ink)',
            stroke: 'var(--raised)',
            strokeWidth: 4,
          },
        );
      return plot.plot({
        width,
        height: HEIGHT,
        marginTop: 26,
        marginLeft: 54,
        marginRight: 20,
        marginBottom: 40,
        style: PLOT_STYLE,
        x: {
          ...axis(
            x,
            points.map((point) => point.x),
          ),
          ticks: Math.max(3, width / 100),
        },
        y: {
          ...axis(
            y,
            points.map((point) => point.y),
          ),
          ticks: 6,
        },
        marks: [
          plot.gridX({ stroke: 'var(--line)', strokeOpacity: 1 }),
          plot.gridY({ stroke: 'var(--line)', strokeOpacity: 1 }),
          ...[...groups.values()].map((group) =>
            plot.line(group, { x: 'x', y: 'y', stroke: 'var(--line-strong)', strokeWidth: 1 }),
          ),
          plot.dot(points, {
            x: 'x',
            y: 'y',
            r: 5.5,
            fill: (point: Point) =>
              point.run.stroke.dash === '' ? point.run.stroke.colour : 'var(--raised)',
            stroke: (point: Point) => point.run.stroke.colour,
            strokeWidth: 2,
          }),
          side(true),
          side(false),
        ],
      });
    },
    [points, x, y],
  );
  const [xInfo, yInfo] = [figureInfo(x), figureInfo(y)];
  const told = points.map(
    (point) => `${point.run.training.name} ${xInfo.format(point.x)}, ${yInfo.format(point.y)}`,
  );
  return (
    <Figure
      className="chart stands"
      title="Where they stand"
      name={`trainings-${y}-${x}`}
      controls={
        <span className="stands-axes">
          <AxisSelect label="Up" value={y} onChange={(to) => onAxes({ y: to })} />
          <span className="muted">against</span>
          <AxisSelect label="Across" value={x} onChange={(to) => onAxes({ x: to })} />
        </span>
      }
      note="By the last line of each log: one batch, so a little noisy. Members of a sweep are joined in its order."
      rows={() => [
        ['training', 'step', x, y],
        ...points.map((point) => [point.run.training.name, point.run.training.step, point.x, point.y]),
      ]}
    >
      <PlotFigure
        draw={draw}
        height={HEIGHT}
        label={`${yInfo.name} against ${xInfo.name}: ${told.join('; ')}`}
      />
    </Figure>
  );
}

function AxisSelect({
  label,
  value,
  onChange,
}: {
  label: string;
  value: Standing;
  onChange: (to: Standing) => void;
}) {
  return (
    <select aria-label={label} value={value} onChange={(event) => onChange(event.target.value as Standing)}>
      {STANDINGS.map((standing) => (
        <option key={standing} value={standing}>
          {figureInfo(standing).name}
        </option>
      ))}
    </select>
  );
}

/** An axis with room for the names beside the points. */
function axis(standing: Standing, values: readonly number[]) {
  const { name, ticks } = figureInfo(standing);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = high > low ? (high - low) * 0.12 : Math.abs(high) * 0.1 || 0.5;
  return {
    domain: [low - room, high + room],
    label: name,
    ...(ticks === undefined ? {} : { tickFormat: ticks }),
  };
}

function clipped(name: string): string {
  return name.length > 24 ? `…${name.slice(-23)}` : name;
}
