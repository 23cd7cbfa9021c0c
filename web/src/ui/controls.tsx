import type { Metric } from '../source/answers.ts';
import { METRIC_LIST } from './metric-info.ts';

/** One metric of all. */
export function MetricSelect({
  label,
  value,
  onChange,
}: {
  label: string;
  value: Metric;
  onChange: (metric: Metric) => void;
}) {
  return (
    <select aria-label={label} value={value} onChange={(event) => onChange(event.target.value as Metric)}>
      {METRIC_LIST.map(({ metric, name }) => (
        <option key={metric} value={metric}>
          {name}
        </option>
      ))}
    </select>
  );
}

/** One of a few, side by side. */
export function Segments<T extends string>({
  label,
  options,
  value,
  onChange,
}: {
  label: string;
  options: readonly (readonly [T, string])[];
  value: T;
  onChange: (value: T) => void;
}) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be laid out inline
    <div className="segments" role="group" aria-label={label}>
      {options.map(([option, name]) => (
        <button key={option} type="button" aria-pressed={option === value} onClick={() => onChange(option)}>
          {name}
        </button>
      ))}
    </div>
  );
}
