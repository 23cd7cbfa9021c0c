import type { Metric } from '../source/answers.ts';
import { METRIC_LIST } from '../ui/metric-info.ts';

/** Metrics that a list of units shows where none are chosen. */
export const FIRST_COLUMNS: readonly Metric[] = ['featureCount', 'separation'];

/** Chooses the metrics that stand in the table. */
export function ColumnsMenu({
  columns,
  onChange,
}: {
  columns: readonly Metric[];
  onChange: (columns: readonly Metric[]) => void;
}) {
  return (
    <details className="menu">
      <summary className="button">Columns</summary>
      <div>
        {METRIC_LIST.map(({ metric, name, sentence }) => (
          <label key={metric} data-tip={sentence}>
            <input
              type="checkbox"
              checked={columns.includes(metric)}
              onChange={({ target }) =>
                onChange(
                  METRIC_LIST.map((one) => one.metric).filter((one) =>
                    one === metric ? target.checked : columns.includes(one),
                  ),
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
