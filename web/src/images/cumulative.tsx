import { useCallback } from 'react';
import { PLOT_STYLE, type Plot, PlotFigure } from '../charts/plot.tsx';
import type { Unit } from '../source/answers.ts';
import { formatActivation, formatShare } from '../ui/metric-info.ts';
import { cumulativeShares } from './cumulative-shares.ts';

export const CUMULATIVE_HEIGHT = 158;

/** The share of all activations up to each value, and where the examples begin. */
export function Cumulative({ unit }: { unit: Unit }) {
  const { histogram, leaves } = unit;
  const least = leaves.activation.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const draw = useCallback(
    (plot: Plot, width: number) => {
      const points = cumulativeShares(histogram);
      return plot.plot({
        width,
        height: CUMULATIVE_HEIGHT,
        marginTop: 10,
        marginBottom: 32,
        marginLeft: 36,
        marginRight: 12,
        style: PLOT_STYLE,
        x: { label: 'activation', ticks: Math.max(2, width / 70) },
        y: { label: null, domain: [0, 1], ticks: 4, tickFormat: (share: number) => `${100 * share} %` },
        marks: [
          plot.gridY({ stroke: 'var(--line)', strokeOpacity: 1, ticks: 4 }),
          Number.isFinite(least)
            ? plot.ruleX([least], { stroke: 'var(--line-strong)', strokeDasharray: '3 3' })
            : null,
          plot.lineY(points, { x: 'upTo', y: 'share', stroke: 'var(--accent)', strokeWidth: 1.75 }),
        ],
      });
    },
    [histogram, least],
  );
  const points = cumulativeShares(histogram);
  const at = (share: number) => points.find((point) => point.share >= share)?.upTo ?? 0;
  const label = `Cumulative distribution of the activations: half are up to ${formatActivation(at(0.5))}, ${formatShare(0.9)} up to ${formatActivation(at(0.9))}`;
  return <PlotFigure draw={draw} height={CUMULATIVE_HEIGHT} label={label} />;
}
