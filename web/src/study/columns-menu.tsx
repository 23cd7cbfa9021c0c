import type { Metric } from '../source/answers.ts';
import type { MetricInfo } from '../ui/metric-info.ts';

/** Metrics that a list of units shows where none are chosen. */
export const FIRST_COLUMNS: readonly Metric[] = ['featureCount', 'separation'];

/** Chooses the metrics that stand in the table. */
export function ColumnsMenu({
  metrics,
  columns,
  onChange,
}: {
  metrics: readonly MetricInfo[];
  columns: readonly Metric[];
  onChange: (columns: readonly Metric[]) => void;
}) {
  return (
    <details className="menu">
      <summary className="button">Columns</summary>
      <div>
        {metrics.map(({ metric, name, sentence }) => (
          <label key={metric} data-tip={sentence}>
            <input
              type="checkbox"
              checked={columns.includes(metric)}
              onChange={({ target }) =>
                onChange(
                  metrics
                    .map((one) => one.metric)
                    .filter((one) => (one === metric ? target.checked : columns.includes(one))),
                )
              }
            />
            {name}
          </label>
        ))}
      </div>
    </details>
  );
}
