import { useCallback } from 'react';
import { bankColour } from '../charts/colours.ts';
import { PLOT_STYLE, type Plot, PlotFigure } from '../charts/plot.tsx';
import type { Metric } from '../source/answers.ts';
import { formatMetric, metricInfo } from '../ui/metric-info.ts';
import type { Points } from '../ui/points.ts';
import { useTheme } from '../ui/theme.ts';

const BINS = 44;

/** How a metric is distributed in each bank: one ridge a bank on a shared axis, with its median. */
export function Distributions({ points, metric, bank }: { points: Points; metric: Metric; bank?: string }) {
  const { dark } = useTheme();
  const banks = points.banks;
  const ridge = Math.max(20, Math.min(76, 300 / Math.max(1, banks.length)));
  const height = banks.length * ridge + 46;
  const draw = useCallback(
    (plot: Plot, width: number) => {
      const { bars, medians, domain } = shapes(points, metric);
      const names = banks.map((name) => (name.length > 14 ? `…${name.slice(-13)}` : name));
      const colour = (d: { bank: number }) => bankColour(d.bank, banks, dark);
      const opacity = (d: { bank: number }) => (bank === undefined || banks[d.bank] === bank ? 0.85 : 0.25);
      return plot.plot({
        width,
        height,
        marginLeft: Math.min(104, 18 + 7 * Math.max(3, ...names.map(({ length }) => length))),
        marginRight: 44,
        marginBottom: 40,
        marginTop: 6,
        style: PLOT_STYLE,
        x: { domain, label: metricInfo(metric).name, ticks: Math.max(3, width / 100), ...percent(metric) },
        y: { axis: null, domain: [0, 1] },
        fy: {
          label: null,
          domain: banks.map((_, b) => b),
          tickFormat: (b: number) => names[b]!,
          padding: 0.16,
        },
        marks: [
          plot.gridX({ stroke: 'var(--line)', strokeOpacity: 1 }),
          plot.rectY(bars, {
            x1: 'from',
            x2: 'to',
            y: 'share',
            fy: 'bank',
            fill: colour,
            fillOpacity: opacity,
            inset: 0,
          }),
          plot.ruleY(
            banks.map((_, b) => ({ bank: b })),
            { y: 0, fy: 'bank', stroke: 'var(--line-strong)' },
          ),
          plot.tickX(medians, { x: 'median', fy: 'bank', stroke: 'var(--ink)', strokeWidth: 1.5 }),
          plot.text(medians, {
            fy: 'bank',
            frameAnchor: 'right',
            dx: 40,
            textAnchor: 'end',
            text: (d: { median: number }) => formatMetric(metric, d.median),
            fill: 'var(--ink)',
          }),
        ],
      });
    },
    [points, metric, bank, dark, banks, height],
  );
  const label = `Distribution of ${metricInfo(metric).name} in each bank`;
  return <PlotFigure draw={draw} label={label} height={height} />;
}

interface Bar {
  bank: number;
  from: number;
  to: number;
  share: number;
}

/** Bars of each bank, the highest 1, on bins that all share; whole numbers get bins of their own. */
function shapes(points: Points, metric: Metric) {
  const column = points.column(metric);
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of column) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) [low, high] = [0, 1];
  const isWhole = metricInfo(metric).whole;
  if (isWhole) [low, high] = [low - 0.5, high + 0.5];
  else if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const step = isWhole ? Math.ceil((high - low) / BINS) : (high - low) / BINS;
  const bins = Math.max(1, Math.ceil((high - low) / step - 1e-9));
  const bars: Bar[] = [];
  const medians: { bank: number; median: number }[] = [];
  points.banks.forEach((_, bank) => {
    const own = column.filter((value, i) => points.bank[i] === bank && !Number.isNaN(value)).sort();
    if (own.length === 0) return;
    const counts = new Uint32Array(bins);
    for (const value of own) counts[Math.min(bins - 1, Math.floor((value - low) / step))]!++;
    const most = Math.max(...counts);
    counts.forEach((count, bin) => {
      if (count > 0)
        bars.push({ bank, from: low + bin * step, to: low + (bin + 1) * step, share: count / most });
    });
    const middle = (own.length - 1) / 2;
    medians.push({ bank, median: (own[Math.floor(middle)]! + own[Math.ceil(middle)]!) / 2 });
  });
  return { bars, medians, domain: [low, low + bins * step] as [number, number] };
}

function percent(metric: Metric): { tickFormat?: string } {
  return metricInfo(metric).share ? { tickFormat: '~%' } : {};
}
