import { column } from '../../../src/polysemy/column-lists.ts';
import type { Metric, Unit } from '../source/answers.ts';
import { formatMetric, formatWhole, METRIC_LIST, placeText } from '../ui/metric-info.ts';
import { explained } from '../ui/tips.tsx';
import type { UnitCut } from './unit-cut.ts';

/** A unit's metric at the cut on screen; undefined while it is computed. */
export function metricNow(unit: Unit, { cut }: UnitCut, metric: Metric): number | null | undefined {
  if (!column(metric).cut) return unit[metric];
  return cut.metrics === null ? undefined : cut.metrics[metric as keyof typeof cut.metrics];
}

/** Where the unit stands in its bank, in a word or two; of a metric that the cut on screen has changed, its value in the study. */
export function standing(unit: Unit, unitCut: UnitCut, metric: Metric): string {
  if (isMoved(unitCut, metric)) return `${formatMetric(metric, unit[metric])} in the study`;
  const rank = unit.ranks[metric];
  return rank === null ? 'not ranked' : placeText(rank);
}

/** The bank is ranked by the study's own cut. */
function isMoved({ stored }: UnitCut, metric: Metric): boolean {
  return !stored && column(metric).cut;
}

/** Every metric with what it says, and where the unit stands among its bank. */
export function MetricsTable({ unit, unitCut }: { unit: Unit; unitCut: UnitCut }) {
  return (
    <dl className="metrics">
      {METRIC_LIST.map(({ metric, name, sentence, tip }) => {
        const rank = unit.ranks[metric];
        return (
          <div key={metric} className="metric-row">
            <dt>
              <span {...explained(tip)}>{name}</span>
            </dt>
            <dd className="num metric-value">{formatMetric(metric, metricNow(unit, unitCut, metric))}</dd>
            <dd className="muted small sentence">{sentence}</dd>
            <dd className="muted small num standing">
              {rank === null || isMoved(unitCut, metric) ? (
                standing(unit, unitCut, metric)
              ) : (
                <>
                  {standing(unit, unitCut, metric)} of {formatWhole(rank.of)}
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
