import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useMemo } from 'react';
import { visible } from '../../../src/base/visible.ts';
import { imageGrid } from '../../../src/contract/image-grid.ts';
import { type Verdict, verdicts } from '../../../src/polysemy/verdict.ts';
import { bankColour } from '../charts/colours.ts';
import { Figure } from '../charts/figure.tsx';
import type { Metric, Study } from '../source/answers.ts';
import { banksQuery, metricsQuery, studyQuery, unitsQuery } from '../source/query-options.ts';
import { MetricSelect } from '../ui/controls.tsx';
import { BankPicker, RangeFilters, useDelayed } from '../ui/filters.tsx';
import { rememberStudySearch } from '../ui/last-study.ts';
import {
  counted,
  firstOrder,
  isMetric,
  type ListSort,
  listedMetrics,
  metricInfo,
} from '../ui/metric-info.ts';
import { Points } from '../ui/points.ts';
import { Empty, Failure, Loading } from '../ui/states.tsx';
import { useTheme } from '../ui/theme.ts';
import { explained } from '../ui/tips.tsx';
import { ranges, type StudySearch } from '../ui/url-state.ts';
import { VERDICT_NAMES } from '../ui/verdict-names.ts';
import { ColumnsMenu, FIRST_COLUMNS } from './columns-menu.tsx';
import { saveUnits } from './save-units.ts';
import { tableCaption, UnitTable } from './unit-table.tsx';
import { Verdicts } from './verdicts.tsx';

const figures = {
  scatter: () => import('./scatter.tsx'),
  distributions: () => import('./distributions.tsx'),
  plot: () => import('@observablehq/plot'),
};
const Scatter = lazy(async () => ({ default: (await figures.scatter()).Scatter }));
const Distributions = lazy(async () => ({ default: (await figures.distributions()).Distributions }));

/** What was run, how polysemantic its units are, and all of them in a table. */
export function StudyPage() {
  const { search } = useStudySearch();
  useEffect(() => rememberStudySearch(search), [search]);
  const study = useQuery(studyQuery);
  if (study.error !== null) {
    return (
      <main id="main" className="page">
        <h1 className="sr">Study</h1>
        <Failure error={study.error} onRetry={() => void study.refetch()} />
      </main>
    );
  }
  return (
    <main id="main" className="page">
      <title>{study.data === undefined ? 'Polyseme' : `${study.data.name} · Polyseme`}</title>
      <StudyHead study={study.data} />
      <Units />
      <Overview />
    </main>
  );
}

function useStudySearch() {
  const search = useSearch({ from: '/' });
  const navigate = useNavigate({ from: '/' });
  const change = (changes: Partial<StudySearch>) =>
    void navigate({ search: (before) => ({ ...before, ...changes }), replace: true, resetScroll: false });
  return { search, change };
}

function StudyHead({ study }: { study: Study | undefined }) {
  if (study === undefined) {
    return (
      <header className="page-head" aria-busy="true">
        <h1 className="muted">Opening the study …</h1>
        <p className="facts">&nbsp;</p>
      </header>
    );
  }
  const images = imageGrid(study.model);
  const units = study.banks.reduce((sum, bank) => sum + bank.units, 0);
  const text = (value: unknown) => (value === undefined || value === null ? 'unknown' : String(value));
  return (
    <header className="page-head">
      <h1 className="wrap">
        <Source of={text(study.model.source)} /> <span className="muted">on</span>{' '}
        <Source of={text(study.data.source)} />
      </h1>
      <p className="facts">
        <span>
          <b>{counted(units, 'unit')}</b> in {counted(study.banks.length, 'bank')}
        </span>
        {study.tokens === null ? null : (
          <span>
            {images === null ? (
              <>
                <b>{counted(study.tokens, 'text token')}</b> in {counted(study.contexts ?? 0, 'context')} of{' '}
                {counted(study.documents ?? 0, 'document')}
              </>
            ) : (
              <>
                <b>{counted(study.contexts ?? 0, 'image')}</b> of {images.width} × {images.height} pixels
              </>
            )}
          </span>
        )}
        <span>
          <b>{counted(study.examples, 'example')}</b>
        </span>
        <span>
          {text(study.options.linkage)} linkage, threshold <b>{text(study.options.threshold)}</b>
        </span>
        <span className="mono">{study.name}</span>
      </p>
    </header>
  );
}

/** Where a model or data came from: of a file its own name, the path on asking. */
function Source({ of }: { of: string }) {
  const [name] = /^(?:\/|\.|[A-Za-z]:\\)/.test(of) ? (/[^\\/]+[\\/]*$/.exec(of) ?? [of]) : [of];
  return name === of ? visible(of) : <bdi {...explained(visible(of))}>{visible(name)}</bdi>;
}

function unitParams(search: StudySearch) {
  const { sort = 'verdict', order = firstOrder(sort), bank, verdict, q } = search;
  return { bank, sort: sort === 'unit' ? undefined : sort, order, verdict, q, ...ranges({ ...search }) };
}

function usePoints() {
  const { search } = useStudySearch();
  // The table's first rows come before the figures' many numbers.
  const rows = useQuery(unitsQuery(unitParams(search), 0));
  const metrics = useQuery({ ...metricsQuery, enabled: !rows.isPending });
  useEffect(() => {
    // All at once, beside the numbers that they wait for.
    if (!rows.isPending) for (const load of Object.values(figures)) void load();
  }, [rows.isPending]);
  const all = useMemo(() => (metrics.data === undefined ? null : Points.of(metrics.data)), [metrics.data]);
  const key = JSON.stringify([search.bank, ranges({ ...search })]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` stands for the part of `search` that counts
  const points = useMemo(() => all?.filtered(search.bank, ranges({ ...search })) ?? null, [all, key]);
  return { points, error: metrics.error, retry: () => void metrics.refetch() };
}

/** For the URL; the default is left out. */
function columnsText(columns: readonly Metric[]): string | undefined {
  const text = columns.join(',');
  return text === FIRST_COLUMNS.join(',') ? undefined : text || 'none';
}

function Overview() {
  const { search, change } = useStudySearch();
  const { points, error, retry } = usePoints();
  const navigate = useNavigate();
  const { dark } = useTheme();
  const banks = useQuery(banksQuery);
  // A study of a version that had no verdicts has clusters only.
  const isJudged = banks.data?.some(({ verdicts }) => verdicts !== null) ?? true;
  const {
    shape = isJudged ? 'separation' : 'effectiveClusters',
    x = isJudged ? 'relativeDistance' : 'meanDistance',
    y = isJudged ? 'separation' : 'effectiveClusters',
  } = search;
  if (error !== null) return <Failure error={error} onRetry={retry} />;
  if (points !== null && points.count === 0) {
    return <Empty title="No unit yet">This study has no unit: its run has not come that far.</Empty>;
  }
  const waiting = <Loading what="the figures" />;
  return (
    <div className="cards">
      <Verdicts
        banks={banks.data ?? []}
        chosen={{ bank: search.bank, verdict: search.verdict }}
        onChoose={(bank, verdict) => change({ bank, verdict })}
      />
      <Figure
        className="span-5"
        title="Distribution by bank"
        heading={`${metricInfo(shape).name}: its distribution in each bank, with the median`}
        name={`distribution-${shape}`}
        controls={
          <MetricSelect
            label="Metric of the distributions"
            value={shape}
            onChange={(metric) => change({ shape: metric })}
          />
        }
        note={`${metricInfo(shape).sentence} Each bank’s highest bar is drawn as high; the line and the number are the median.`}
      >
        <Suspense fallback={waiting}>
          {points === null ? waiting : <Distributions points={points} metric={shape} bank={search.bank} />}
        </Suspense>
      </Figure>
      <Figure
        className="span-7"
        title="Units"
        heading={`${metricInfo(y).name} against ${metricInfo(x).name}, one point a unit`}
        legend={(points?.banks ?? []).map((name, i, all) => ({ name, colour: bankColour(i, all, dark) }))}
        name={`scatter-${x}-${y}`}
        controls={
          <span className="control">
            <MetricSelect label="Vertical axis" value={y} onChange={(metric) => change({ y: metric })} />
            against
            <MetricSelect label="Horizontal axis" value={x} onChange={(metric) => change({ x: metric })} />
          </span>
        }
        note="A point is a unit; click one to open it. The table’s bank and ranges of metrics leave the others grey."
      >
        <Suspense fallback={waiting}>
          {points === null ? (
            waiting
          ) : (
            <Scatter
              points={points}
              x={x}
              y={y}
              onOpen={(bank, index) =>
                void navigate({ to: '/unit/$bank/$index', params: { bank, index }, search: {} })
              }
            />
          )}
        </Suspense>
      </Figure>
    </div>
  );
}

function Units() {
  const { search, change } = useStudySearch();
  const banks = useQuery(banksQuery);
  const { dark } = useTheme();
  const { sort = 'verdict', order = firstOrder(sort), bank, verdict, q } = search;
  const bounds = ranges({ ...search });
  const [words, setWords] = useDelayed(q ?? '', (text) => change({ q: text.trim() || undefined }));
  const params = unitParams(search);
  const columns = search.columns?.split(',').filter(isMetric) ?? FIRST_COLUMNS;
  const isWhole =
    q === undefined && bank === undefined && verdict === undefined && Object.keys(bounds).length === 0;
  const first = useQuery(unitsQuery(params, 0));
  const dead = banks.data?.reduce((sum, each) => sum + each.dead, 0) ?? 0;
  const metrics = listedMetrics(banks.data);
  const clear = Object.fromEntries(
    metrics.flatMap(({ metric }) => [
      [`min.${metric}`, undefined],
      [`max.${metric}`, undefined],
    ]),
  );
  const onSort = (to: ListSort) =>
    change({
      sort: to === 'verdict' ? undefined : to,
      order: to === sort ? (order === 'desc' ? 'asc' : 'desc') : undefined,
    });
  return (
    <section className="panel" aria-labelledby="units-title">
      <div className="panel-head">
        <h2 id="units-title">All units</h2>
        <span className="muted small num" role="status">
          {first.data === undefined ? '' : tableCaption(first.data.total, sort, order)}
          {dead > 0 && isWhole ? `; ${counted(dead, 'unit')} never active` : ''}
        </span>
        <span className="grow" />
        <ColumnsMenu
          metrics={metrics}
          columns={columns}
          onChange={(chosen) => change({ columns: columnsText(chosen) })}
        />
        <button
          type="button"
          className="button quiet"
          aria-label="Save the table as CSV"
          onClick={() => void saveUnits('units', params)}
        >
          CSV
        </button>
      </div>
      <div className="controls table-controls">
        <BankPicker
          banks={banks.data?.map(({ name }) => name) ?? []}
          value={bank}
          onChange={(name) => change({ bank: name })}
          colour={(i) => bankColour(i, banks.data?.map(({ name }) => name) ?? [], dark)}
        />
        <input
          type="search"
          aria-label="Words in the features"
          placeholder="Words in the features"
          value={words}
          onChange={(event) => setWords(event.target.value)}
        />
        <label>
          Verdict
          <select
            value={verdict ?? ''}
            onChange={({ target }) => change({ verdict: (target.value || undefined) as Verdict | undefined })}
          >
            <option value="">any</option>
            {verdicts.map((one) => (
              <option key={one} value={one}>
                {VERDICT_NAMES[one]}
              </option>
            ))}
          </select>
        </label>
        <RangeFilters metrics={metrics} ranges={bounds} onChange={change} />
      </div>
      <UnitTable
        params={params}
        sort={sort}
        order={order}
        columns={columns}
        q={q}
        onSort={onSort}
        onReset={() => change({ ...clear, bank: undefined, verdict: undefined, q: undefined })}
      />
    </section>
  );
}
