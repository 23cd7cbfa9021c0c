import { useEffect, useState } from 'react';
import type { Metric } from '../source/answers.ts';
import { METRIC_LIST, type MetricInfo, metricInfo } from './metric-info.ts';
import type { Ranges } from './url-state.ts';

/** Ranges of metrics: one chip a metric, with a lower and an upper bound. A share is typed as it is stored, from 0 to 1. */
export function RangeFilters({
  metrics = METRIC_LIST,
  ranges,
  onChange,
}: {
  metrics?: readonly MetricInfo[];
  ranges: Ranges;
  onChange: (ranges: Ranges) => void;
}) {
  const [added, setAdded] = useState<readonly Metric[]>([]);
  const active = metrics
    .map(({ metric }) => metric)
    .filter(
      (metric) =>
        ranges[`min.${metric}`] !== undefined ||
        ranges[`max.${metric}`] !== undefined ||
        added.includes(metric),
    );
  return (
    <>
      {active.map((metric) => (
        <fieldset className="chip" key={metric}>
          <legend className="sr">{metricInfo(metric).name}</legend>
          <Bound
            label={`Least ${metricInfo(metric).name}`}
            value={ranges[`min.${metric}`]}
            placeholder="least"
            onChange={(value) => onChange({ ...ranges, [`min.${metric}`]: value })}
          />
          <span aria-hidden="true">≤ {metricInfo(metric).name.toLowerCase()} ≤</span>
          <Bound
            label={`Most ${metricInfo(metric).name}`}
            value={ranges[`max.${metric}`]}
            placeholder="most"
            onChange={(value) => onChange({ ...ranges, [`max.${metric}`]: value })}
          />
          <button
            type="button"
            className="button quiet"
            aria-label={`Drop the filter on ${metricInfo(metric).name}`}
            onClick={() => {
              setAdded(added.filter((other) => other !== metric));
              onChange({ ...ranges, [`min.${metric}`]: undefined, [`max.${metric}`]: undefined });
            }}
          >
            ✕
          </button>
        </fieldset>
      ))}
      <select
        aria-label="Filter by a metric"
        value=""
        onChange={(event) => setAdded([...added, event.target.value as Metric])}
      >
        <option value="">Filter by …</option>
        {metrics
          .filter(({ metric }) => !active.includes(metric))
          .map(({ metric, name }) => (
            <option key={metric} value={metric}>
              {name}
            </option>
          ))}
      </select>
    </>
  );
}

function Bound({
  label,
  value,
  placeholder,
  onChange,
}: {
  label: string;
  value: number | undefined;
  placeholder: string;
  onChange: (value: number | undefined) => void;
}) {
  const [text, setText] = useState(value === undefined ? '' : String(value));
  useEffect(() => setText(value === undefined ? '' : String(value)), [value]);
  const commit = () => {
    const parsed = text.trim() === '' ? undefined : Number(text.replace(',', '.'));
    if (parsed !== undefined && !Number.isFinite(parsed)) setText(value === undefined ? '' : String(value));
    else if (parsed !== value) onChange(parsed);
  };
  return (
    <input
      type="text"
      inputMode="decimal"
      aria-label={label}
      placeholder={placeholder}
      value={text}
      onChange={(event) => setText(event.target.value)}
      onBlur={commit}
      onKeyDown={(event) => event.key === 'Enter' && commit()}
    />
  );
}

/** A text that reaches the URL once the reader pauses. */
export function useDelayed(
  value: string,
  commit: (value: string) => void,
  wait = 250,
): [string, (text: string) => void] {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => commit(text), wait);
    return () => clearTimeout(timer);
  });
  return [text, setText];
}

/** Banks as a row of buttons, or a list where there are many. */
export function BankPicker({
  banks,
  value,
  onChange,
  colour,
}: {
  banks: readonly string[];
  value: string | undefined;
  onChange: (bank: string | undefined) => void;
  colour: (bank: number) => string;
}) {
  if (banks.length < 2) return null;
  if (banks.length > 12) {
    return (
      <label>
        Bank
        <select value={value ?? ''} onChange={(event) => onChange(event.target.value || undefined)}>
          <option value="">all {banks.length}</option>
          {banks.map((bank) => (
            <option key={bank}>{bank}</option>
          ))}
        </select>
      </label>
    );
  }
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be laid out inline
    <div className="banks" role="group" aria-label="Bank">
      <button type="button" aria-pressed={value === undefined} onClick={() => onChange(undefined)}>
        All
      </button>
      {banks.map((bank, i) => (
        <button
          key={bank}
          type="button"
          aria-pressed={value === bank}
          onClick={() => onChange(value === bank ? undefined : bank)}
        >
          <i style={{ background: colour(i) }} />
          {bank}
        </button>
      ))}
    </div>
  );
}
