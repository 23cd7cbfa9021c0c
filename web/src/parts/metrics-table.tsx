import { formatMetric, formatWhole, METRIC_LIST, ordinal } from '../data/metrics.ts';
import type { Metric, Unit } from '../data/types.ts';
import type { UnitCut } from '../state/unit-cut.ts';

/** A unit's metric at the cut on screen; undefined while it is computed. */
export function metricNow(unit: Unit, { cut }: UnitCut, metric: Metric): number | null | undefined {
  if (metric in unit && !POLYSEMY.has(metric)) return unit[metric];
  return cut.metrics === null ? undefined : cut.metrics[metric as keyof typeof cut.metrics];
}

const POLYSEMY = new Set<string>([
  'clusters',
  'effectiveClusters',
  'largestShare',
  'meanDistance',
  'maxDistance',
  'intraClusterDistance',
  'interClusterDistance',
  'silhouette',
]);

/** Every metric with what it says, and where the unit stands among its bank. */
export function MetricsTable({ unit, unitCut }: { unit: Unit; unitCut: UnitCut }) {
  return (
    <dl className="metrics">
      {METRIC_LIST.map(({ metric, name, sentence }) => {
        const rank = unit.ranks[metric];
        return (
          <div key={metric}>
            <dt>{name}</dt>
            <dd className="num metric-value">{formatMetric(metric, metricNow(unit, unitCut, metric))}</dd>
            <dd className="muted small sentence">{sentence}</dd>
            <dd className="muted small num standing">
              {rank === null ? (
                'not ranked'
              ) : (
                <>
                  {ordinal(rank.rank)} of {formatWhole(rank.of)}
                  <i className="scale-bar" aria-hidden="true">
                    <i style={{ left: `${100 * (1 - (rank.rank - 1) / Math.max(1, rank.of - 1))}%` }} />
                  </i>
                </>
              )}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}
