import { useCallback, useMemo } from 'react';
import { visible } from '../../../src/base/visible.ts';
import { Figure } from '../charts/figure.tsx';
import { PLOT_STYLE, type Plot, PlotFigure } from '../charts/plot.tsx';
import type { Training } from '../source/answers.ts';
import { STANDINGS, type Standing } from '../ui/url-state.ts';
import type { Stroke } from './run-strokes.ts';
import { figureInfo } from './runs.ts';
import { sweepLines } from './sweep-lines.ts';

const HEIGHT = 430;
const MARGIN = { top: 26, right: 20, bottom: 40, left: 54 };

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

/** Where each training stands by its last line: one figure against another. A line joins members of a sweep that differ in one setting. */
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
      const pointOf = new Map(points.map((point) => [point.run.training, point]));
      const lines = sweepLines([...pointOf.keys()]);
      const across = axis(
        x,
        points.map((point) => point.x),
      );
      const up = axis(
        y,
        points.map((point) => point.y),
      );
      const labels = placeLabels(points, width, across.domain, up.domain);
      return plot.plot({
        width,
        height: HEIGHT,
        marginTop: MARGIN.top,
        marginLeft: MARGIN.left,
        marginRight: MARGIN.right,
        marginBottom: MARGIN.bottom,
        style: PLOT_STYLE,
        x: { ...across, ticks: Math.max(3, width / 100) },
        y: { ...up, ticks: 6 },
        marks: [
          plot.gridX({ stroke: 'var(--line)', strokeOpacity: 1 }),
          plot.gridY({ stroke: 'var(--line)', strokeOpacity: 1 }),
          ...lines.map((line) =>
            plot.line(
              line.map((training) => pointOf.get(training)!),
              { x: 'x', y: 'y', stroke: 'var(--line-strong)', strokeWidth: 1 },
            ),
          ),
          plot.dot(points, {
            x: 'x',
            y: 'y',
            r: 5.5,
            title: (point: Point) => visible(point.run.training.name),
            fill: (point: Point) =>
              point.run.stroke.dash === '' ? point.run.stroke.colour : 'var(--raised)',
            stroke: (point: Point) => point.run.stroke.colour,
            strokeWidth: 2,
          }),
          ...labels.map(({ point, text, dx, dy, textAnchor }) =>
            plot.text([point], {
              x: 'x',
              y: 'y',
              text: () => text,
              dx,
              dy,
              textAnchor,
              fill: 'var(--ink)',
              stroke: 'var(--raised)',
              strokeWidth: 4,
            }),
          ),
        ],
      });
    },
    [points, x, y],
  );
  const [xInfo, yInfo] = [figureInfo(x), figureInfo(y)];
  const told = points.map(
    (point) => `${visible(point.run.training.name)} ${xInfo.format(point.x)}, ${yInfo.format(point.y)}`,
  );
  return (
    <Figure
      className="chart stands"
      title="Where they stand"
      heading={`${yInfo.name} against ${xInfo.name}, by the last line of each log`}
      name={`trainings-${y}-${x}`}
      controls={
        <span className="stands-axes">
          <AxisSelect label="Up" value={y} onChange={(to) => onAxes({ y: to })} />
          <span className="muted">against</span>
          <AxisSelect label="Across" value={x} onChange={(to) => onAxes({ x: to })} />
        </span>
      }
      note="By the last line of each log: one batch, so a little noisy. A line joins members of a sweep that differ in one setting alone."
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
    domain: [low - room, high + room] as const,
    label: name,
    ...(ticks === undefined ? {} : { tickFormat: ticks }),
  };
}

type Domain = readonly [number, number];

/** Width of a letter, and height of a line, in pixels. */
const LETTER = 6.2;
const LINE = 14;
/** Where a name may stand beside its point, the best place first. */
const SIDES = [
  { dx: 10, dy: 0, textAnchor: 'start' },
  { dx: -10, dy: 0, textAnchor: 'end' },
  { dx: 0, dy: -15, textAnchor: 'middle' },
  { dx: 0, dy: 15, textAnchor: 'middle' },
] as const;

/** Names beside their points, where they cover neither points nor other names; one without room is left out. */
function placeLabels(points: readonly Point[], width: number, across: Domain, up: Domain) {
  const inner = { width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
  const places = points.map((point) => ({
    x: MARGIN.left + ((point.x - across[0]) / (across[1] - across[0])) * inner.width,
    y: MARGIN.top + (1 - (point.y - up[0]) / (up[1] - up[0])) * inner.height,
  }));
  const taken = places.map(({ x, y }) => ({ left: x - 6, right: x + 6, top: y - 6, bottom: y + 6 }));
  return points.flatMap((point, i) => {
    const text = clipped(point.run.short);
    const room = LETTER * text.length;
    for (const side of SIDES) {
      const x = places[i]!.x + side.dx;
      const y = places[i]!.y + side.dy;
      const left = side.textAnchor === 'start' ? x : side.textAnchor === 'end' ? x - room : x - room / 2;
      const box = { left, right: left + room, top: y - LINE / 2, bottom: y + LINE / 2 };
      const isFree = taken.every(
        (other, j) =>
          j === i ||
          box.right < other.left ||
          box.left > other.right ||
          box.bottom < other.top ||
          box.top > other.bottom,
      );
      if (!isFree || box.left < MARGIN.left || box.right > width) continue;
      taken.push(box);
      return [{ point, text, ...side }];
    }
    return [];
  });
}

function clipped(name: string): string {
  return name.length > 24 ? `…${name.slice(-23)}` : name;
}
