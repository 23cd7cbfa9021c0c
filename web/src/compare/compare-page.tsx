import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useMemo } from 'react';
import { bankColour } from '../charts/colours.ts';
import { Figure } from '../charts/figure.tsx';
import type { Bank, Comparison, MatchedComparison } from '../source/answers.ts';
import { banksQuery, compareQuery, matchedQuery, metricsQuery } from '../source/query-options.ts';
import { MetricSelect } from '../ui/controls.tsx';
import { metricInfo } from '../ui/metric-info.ts';
import { Points } from '../ui/points.ts';
import { saveCsv } from '../ui/save-file.ts';
import { Empty, Failure, Loading } from '../ui/states.tsx';
import { useTheme } from '../ui/theme.ts';
import type { CompareSearch } from '../ui/url-state.ts';
import { BankUnits } from './bank-units.tsx';
import { matchedRows, unitRows } from './comparison-csv.ts';
import { ComparisonTable, TABLE_HEIGHT } from './comparison-table.tsx';
import { firstPair } from './headline.ts';
import { Answer, canMatch } from './matched-comparison.tsx';

/** Height of the head of the table's panel, in pixels. */
const PANEL_HEAD = 52;

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
  // The figures' numbers first: these take seconds of the server.
  const matched = useQuery({
    ...matchedQuery(chosen),
    enabled: canMatch(chosen.length) && comparison.data !== undefined,
  });
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
      <Answer
        chosen={chosen}
        all={names.length}
        data={matched.data}
        error={matched.error}
        onRetry={() => void matched.refetch()}
        colour={colour}
      />
      {comparison.error !== null ? (
        <Failure error={comparison.error} onRetry={() => void comparison.refetch()} />
      ) : comparison.data === undefined ? (
        <section className="panel" style={{ minHeight: PANEL_HEAD + TABLE_HEIGHT }}>
          <Loading what="the comparison" />
        </section>
      ) : (
        <Numbers
          comparison={comparison.data}
          matched={!canMatch(chosen.length) || matched.error !== null ? undefined : (matched.data ?? null)}
          colour={colour}
        />
      )}
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
      <div className="cards">
        {chosen.map((name) => (
          <div key={name} className={chosen.length === 1 ? 'span-12' : 'span-6'}>
            <BankUnits bank={name} colour={colour(name)} />
          </div>
        ))}
      </div>
    </>
  );
}

/** All numbers of the comparison in one table. */
function Numbers({
  comparison,
  matched,
  colour,
}: {
  comparison: Comparison;
  matched: MatchedComparison | null | undefined;
  colour: (bank: string) => string;
}) {
  return (
    <section className="panel" aria-labelledby="medians">
      <div className="panel-head">
        <h2 id="medians">In numbers</h2>
        <span className="muted small">Medians with 95 % bootstrap intervals.</span>
        <span className="grow" />
        {matched == null ? null : (
          <button
            type="button"
            className="button quiet"
            aria-label="Save the comparison at equal numbers as CSV"
            onClick={() => saveCsv('compare-matched', matchedRows(matched))}
          >
            CSV, equal numbers
          </button>
        )}
        <button
          type="button"
          className="button quiet"
          aria-label="Save the comparison as CSV"
          onClick={() => saveCsv('compare', unitRows(comparison))}
        >
          CSV, all units
        </button>
      </div>
      <ComparisonTable comparison={comparison} matched={matched} colour={colour} />
    </section>
  );
}
