import { useCallback } from 'react';
import { visible } from '../../../src/base/visible.ts';
import { PLOT_STYLE, type Plot, PlotFigure } from '../charts/plot.tsx';
import { signed } from './signed-picture.tsx';

/** Bars that are drawn: of more classes the largest and the smallest. */
const MOST = 12;
const ROW = 15;
/** Characters of a class's name. */
const LONGEST = 14;

/** How many rows `ClassBars` draws of so many classes. */
export function barHeight(classes: number): number {
  return ROW * Math.min(MOST, classes) + 8;
}

/** A number of each class as bars to both sides of 0. */
export function ClassBars({
  classes,
  values,
  what,
}: {
  classes: readonly string[];
  values: readonly number[];
  /** What the numbers are, as they are read out. */
  what: string;
}) {
  const draw = useCallback(
    (plot: Plot, width: number) => {
      const bars = chosen(classes, values);
      const names = new Map(bars.map(({ id, label }) => [id, label]));
      const most = Math.max(...values.map(Math.abs), 1e-12);
      const left = 12 + 6.4 * Math.max(...bars.map(({ label }) => label.length));
      return plot.plot({
        width,
        height: barHeight(classes.length),
        marginTop: 4,
        marginBottom: 4,
        marginLeft: left,
        marginRight: 42,
        style: PLOT_STYLE,
        x: { axis: null, domain: [Math.min(0, ...values), Math.max(0, ...values, 1e-12)] },
        y: {
          domain: bars.map(({ id }) => id),
          label: null,
          tickSize: 0,
          tickFormat: (id: number) => names.get(id) ?? '',
          padding: 0.22,
        },
        marks: [
          plot.barX(bars, {
            y: 'id',
            x: 'value',
            fill: ({ value }: Bar) => (value < 0 ? 'var(--negative)' : 'var(--positive)'),
            title: ({ name, value }: Bar) => `${name}: ${signed(value)}`,
          }),
          plot.ruleX([0], { stroke: 'var(--line-strong)' }),
          plot.text(bars, {
            y: 'id',
            x: ({ value }: Bar) => Math.max(0, value),
            text: ({ value }: Bar) => signed(value),
            textAnchor: 'start',
            dx: 4,
            fontVariant: 'tabular-nums',
            fillOpacity: ({ value }: Bar) => (Math.abs(value) > most / 4 ? 1 : 0.75),
          }),
        ],
      });
    },
    [classes, values],
  );
  const said = chosen(classes, values).map(({ name, value }) => `${name} ${signed(value)}`);
  return <PlotFigure draw={draw} height={barHeight(classes.length)} label={`${what}: ${said.join(', ')}`} />;
}

interface Bar {
  readonly id: number;
  readonly name: string;
  /** The name, cut where it is long. */
  readonly label: string;
  readonly value: number;
}

/** All classes in their order, or the extreme ones by falling value. */
function chosen(classes: readonly string[], values: readonly number[]): Bar[] {
  const all = classes.map(visible).map((name, id) => ({
    id,
    name,
    label: name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name,
    value: values[id]!,
  }));
  if (all.length <= MOST) return all;
  all.sort((a, b) => b.value - a.value || a.id - b.id);
  return [...all.slice(0, MOST / 2), ...all.slice(-MOST / 2)];
}
