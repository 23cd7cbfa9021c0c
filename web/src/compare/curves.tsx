import { useCallback } from 'react';
import { bankColour } from '../charts/colours.ts';
import { PLOT_STYLE, type Plot, PlotFigure } from '../charts/plot.tsx';
import type { Metric } from '../source/answers.ts';
import { metricInfo } from '../ui/metric-info.ts';
import type { Points } from '../ui/points.ts';
import { useTheme } from '../ui/theme.ts';

const HEIGHT = 320;
/** Places at which a curve is drawn. */
const STEPS = 240;

/** Cumulative distributions of a metric, a curve a bank: the share of units with at most that value. */
export function Curves({
  points,
  metric,
  chosen,
}: {
  points: Points;
  metric: Metric;
  chosen: readonly string[];
}) {
  const { dark } = useTheme();
  const draw = useCallback(
    (plot: Plot, width: number) => {
      const curves = chosen.flatMap((name) => curve(points, metric, name));
      const medians = curves.filter(({ middle }) => middle);
      const colour = (d: { bank: string }) => bankColour(points.banks.indexOf(d.bank), points.banks, dark);
      const isShare = metric === 'density' || metric === 'largestShare';
      return plot.plot({
        width,
        height: HEIGHT,
        marginLeft: 46,
        marginRight: 20,
        marginBottom: 40,
        style: PLOT_STYLE,
        x: {
          label: metricInfo(metric).name,
          type: metric === 'density' ? 'sqrt' : 'linear',
          ticks: Math.max(3, width / 100),
          ...(isShare ? { tickFormat: '~%' } : {}),
        },
        y: { label: 'share of units', domain: [0, 1], tickFormat: '~%', ticks: 5 },
        marks: [
          plot.gridX({ stroke: 'var(--line)', strokeOpacity: 1 }),
          plot.gridY({ stroke: 'var(--line)', strokeOpacity: 1 }),
          plot.line(curves, { x: 'value', y: 'share', z: 'bank', stroke: colour, strokeWidth: 2 }),
          plot.dot(medians, { x: 'value', y: 'share', fill: colour, r: 4.5, stroke: 'var(--raised)' }),
          // Labels go to the upper left and the lower right of their curves in turn, where the next curve is not.
          ...[...medians]
            .sort((a, b) => a.value - b.value)
            .map((one, i) =>
              plot.text([one], {
                x: 'value',
                y: 'share',
                text: 'bank',
                // In the colour of its curve: beside a steep curve a label may be nearer to another one's dot.
                fill: colour(one),
                fontWeight: 600,
                dx: i % 2 === 0 ? -9 : 9,
                dy: i % 2 === 0 ? -9 : 11,
                textAnchor: i % 2 === 0 ? 'end' : 'start',
                stroke: 'var(--raised)',
                strokeWidth: 4,
              }),
            ),
        ],
      });
    },
    [points, metric, chosen, dark],
  );
  const label = `Cumulative distribution of ${metricInfo(metric).name} in ${chosen.join(', ')}`;
  return <PlotFigure draw={draw} height={HEIGHT} label={label} />;
}

function curve(points: Points, metric: Metric, bank: string) {
  const number = points.banks.indexOf(bank);
  const values = points
    .column(metric)
    .filter((value, i) => points.bank[i] === number && !Number.isNaN(value))
    .sort();
  const n = values.length;
  if (n === 0) return [];
  const steps = Math.min(STEPS, n);
  const middle = Math.floor(steps / 2);
  return Array.from({ length: steps + 1 }, (_, k) => {
    const at = Math.min(n - 1, Math.max(0, Math.round((k / steps) * n) - 1));
    return { bank, value: values[at]!, share: k / steps, middle: k === middle };
  });
}
