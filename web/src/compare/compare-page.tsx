import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useMemo } from 'react';
import { bankColour } from '../charts/colours.ts';
import { Figure } from '../charts/figure.tsx';
import type { Bank, Comparison } from '../source/answers.ts';
import { banksQuery, compareQuery, metricsQuery } from '../source/query-options.ts';
import { MetricSelect } from '../ui/controls.tsx';
import { counted, formatMetric, METRIC_LIST, metricInfo } from '../ui/metric-info.ts';
import { Points } from '../ui/points.ts';
import { saveCsv } from '../ui/save-file.ts';
import { Empty, Failure, Loading } from '../ui/states.tsx';
import { useTheme } from '../ui/theme.ts';
import { explained } from '../ui/tips.tsx';
import type { CompareSearch } from '../ui/url-state.ts';
import { BankHeads } from './bank-heads.tsx';
import { firstPair } from './headline.ts';
import { MatchedPanel } from './matched-comparison.tsx';

const Curves = lazy(async () => ({ default: (await import('./curves.tsx')).Curves }));

/** Banks side by side: is one more polysemantic than the other? */
export function ComparePage() {
  const banks = useQuery(banksQuery);
  return (
    <main id="main" className="page">
      <title>Compare · Polyseme</title>
      <header className="page-head">
        <h1>Compare banks</h1>
        <p className="muted">Layers, or a layer and an SAE: the same metrics over all their units.</p>
      </header>
      {banks.error !== null ? (
        <Failure error={banks.error} onRetry={() => void banks.refetch()} />
      ) : banks.data === undefined ? (
        <Loading what="the banks" />
      ) : (
        <Chosen all={banks.data} />
      )}
    </main>
  );
}

function Chosen({ all }: { all: readonly Bank[] }) {
  const search = useSearch({ from: '/compare' });
  const navigate = useNavigate({ from: '/compare' });
  const { dark } = useTheme();
  const change = (changes: Partial<CompareSearch>) =>
    void navigate({ search: (before) => ({ ...before, ...changes }), replace: true, resetScroll: false });
  const names = all.map(({ name }) => name);
  const asked = search.banks?.split(',').filter((name) => names.includes(name)) ?? [];
  const chosen = asked.length > 0 ? asked : firstPair(all);
  // A study of a version that had no separation has clusters only.
  const metric =
    search.metric ?? (all.some(({ verdicts }) => verdicts !== null) ? 'separation' : 'effectiveClusters');
  const comparison = useQuery(compareQuery(chosen));
  const metrics = useQuery(metricsQuery);
  const points = useMemo(() => (metrics.data === undefined ? null : Points.of(metrics.data)), [metrics.data]);
  const colour = (name: string) => bankColour(names.indexOf(name), names, dark);
  const toggle = (name: string) => {
    const next = chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name];
    if (next.length > 0) change({ banks: names.filter((other) => next.includes(other)).join(',') });
  };
  if (names.length === 0) return <Empty title="This study has no bank" />;
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be laid out inline */}
      <div className="banks compare-banks" role="group" aria-label="Banks compared">
        {names.map((name) => (
          <button key={name} type="button" aria-pressed={chosen.includes(name)} onClick={() => toggle(name)}>
            <i style={{ background: colour(name) }} />
            {name}
          </button>
        ))}
      </div>
      <MatchedPanel chosen={chosen} colour={colour} />
      <div className="cards">
        <Figure
          className="span-12"
          title="Units up to a value"
          name={`compare-${metric}`}
          controls={<MetricSelect label="Metric" value={metric} onChange={(to) => change({ metric: to })} />}
          note={`${metricInfo(metric).sentence} A curve further to the right has larger values; the dot is the median.`}
        >
          <Suspense fallback={<Loading what="the figure" />}>
            {points === null ? (
              <Loading what="the figure" />
            ) : (
              <Curves points={points} metric={metric} chosen={chosen} />
            )}
          </Suspense>
        </Figure>
      </div>
      {comparison.error !== null ? (
        <Failure error={comparison.error} onRetry={() => void comparison.refetch()} />
      ) : comparison.data === undefined ? (
        <Loading what="the comparison" />
      ) : (
        <Table comparison={comparison.data} colour={colour} />
      )}
    </>
  );
}

function Table({ comparison, colour }: { comparison: Comparison; colour: (bank: string) => string }) {
  const { banks, matched } = comparison;
  const rows = METRIC_LIST.map(({ metric, name, tip }) => ({
    metric,
    name,
    tip,
    values: banks.map((bank) => bank.metrics[metric]),
  }));
  return (
    <section className="panel" aria-labelledby="medians">
      <div className="panel-head">
        <h2 id="medians">Over all units</h2>
        <span className="muted small">
          95 % bootstrap interval below.{' '}
          {matched
            ? 'Every live unit has the same number of examples.'
            : 'Units have different numbers of examples: more examples find more clusters. Equal numbers stand above.'}
        </span>
        <span className="grow" />
        <button
          type="button"
          className="button quiet"
          aria-label="Save the comparison as CSV"
          onClick={() =>
            saveCsv('compare', [
              ['metric', 'bank', 'count', 'min', 'q1', 'median', 'q3', 'max', 'mean', 'low', 'high'],
              ...rows.flatMap(({ metric, values }) =>
                values.map((v, i) => [
                  metric,
                  banks[i]!.name,
                  v.count,
                  v.min,
                  v.q1,
                  v.median,
                  v.q3,
                  v.max,
                  v.mean,
                  v.interval?.[0] ?? null,
                  v.interval?.[1] ?? null,
                ]),
              ),
            ])
          }
        >
          CSV
        </button>
      </div>
      <section
        className="scroll-x"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways where it is narrow
        tabIndex={0}
        aria-label="Table of medians"
      >
        <table className="plain">
          <BankHeads names={banks.map(({ name }) => name)} colour={colour} />
          <tbody>
            {rows.map(({ metric, name, tip, values }) => (
              <tr key={metric}>
                <th scope="row" {...explained(tip)}>
                  {name}
                </th>
                {values.map((value, i) => (
                  <td key={banks[i]!.name} className="num" title={`over ${counted(value.count, 'unit')}`}>
                    <b>{formatMetric(metric, value.median)}</b>
                    <span className="muted small">
                      {value.interval === null
                        ? ''
                        : `${formatMetric(metric, value.interval[0])} to ${formatMetric(metric, value.interval[1])}`}
                    </span>
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}
