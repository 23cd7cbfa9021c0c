// The rows are placed by the virtualiser, which tables do not allow: they are a table by their roles. What can be focused
// in a cell or a row is its button or its link.
// biome-ignore-all lint/a11y/useSemanticElements: see above
// biome-ignore-all lint/a11y/useFocusableInteractive: see above
// biome-ignore-all lint/a11y/useKeyWithClickEvents: see above

import { useQueries, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { Fragment, memo, useCallback, useEffect, useMemo, useRef } from 'react';
import { visible } from '../../../src/base/visible.ts';
import { featureTitle } from '../../../src/features/feature-title.ts';
import type { Metric, UnitRow } from '../source/answers.ts';
import { PAGE, unitsQuery } from '../source/query-options.ts';
import type { Params } from '../source/source.ts';
import { Meanings } from '../ui/meanings.tsx';
import { formatMetric, formatWhole, isMetric, type ListSort, metricInfo } from '../ui/metric-info.ts';
import { Empty, Failure } from '../ui/states.tsx';
import { Strip } from '../ui/strip.tsx';
import { hinted } from '../ui/tips.tsx';
import { NARROW, useMedia } from '../ui/use-media.ts';

const ROW = 36;
/** The head of the table, with its lines. */
const HEAD = 38;
/** On a phone what a unit is has a line of its own under its name, and few numbers have room beside that. */
const TALL_ROW = 62;
const FEW_COLUMNS = 2;
/** Rows asked for before they are in view. */
const AHEAD = 80;
/** Rows drawn before the number of units is known. */
const PLACEHOLDERS = 30;

/**
 * Units in rows, virtualised: only the pages of rows that are in view are asked of the server, which sorts and filters.
 * `params` are those of `/api/units`.
 */
export function UnitTable({
  params,
  sort,
  order,
  columns,
  q,
  onSort,
  onReset,
}: {
  params: Params;
  sort: ListSort;
  order: 'asc' | 'desc';
  /** Metrics shown; that of the order is always among them. */
  columns: readonly Metric[];
  /** What is searched for. */
  q?: string | undefined;
  onSort: (sort: ListSort) => void;
  onReset: () => void;
}) {
  const narrow = useMedia(NARROW);
  const height = narrow ? TALL_ROW : ROW;
  const scroller = useRef<HTMLDivElement>(null);
  const total = useQuery(unitsQuery(params, 0)).data?.total;
  const rows = useVirtualizer({
    count: total ?? PLACEHOLDERS,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 12,
  });
  const items = rows.getVirtualItems();
  // The pages in view, and those that a scroll brings next.
  const first = Math.max(0, Math.floor(((items[0]?.index ?? 0) - AHEAD) / PAGE));
  const end = Math.min((items.at(-1)?.index ?? 0) + AHEAD, (total ?? 1) - 1);
  const last = Math.max(first, Math.floor(end / PAGE));
  const key = JSON.stringify(params);
  // Hashed once, and not in every frame of a scroll.
  // biome-ignore lint/correctness/useExhaustiveDependencies: of equal parameters they are the same
  const queries = useMemo(
    () => Array.from({ length: last - first + 1 }, (_, i) => unitsQuery(params, first + i)),
    [key, first, last],
  );
  const answers = useQueries({ queries });
  const row = (index: number): UnitRow | undefined =>
    answers[Math.floor(index / PAGE) - first]?.data?.units[index % PAGE];

  const navigate = useNavigate();
  const open = useCallback(
    (bank: string, index: number, feature: number | undefined) =>
      void navigate({ to: '/unit/$bank/$index', params: { bank, index }, search: { feature } }),
    [navigate],
  );

  const wanted = isMetric(sort) && !columns.includes(sort) ? [...columns, sort] : columns;
  const few = isMetric(sort) ? [sort, ...wanted.filter((metric) => metric !== sort)] : wanted;
  const shown = narrow ? few.slice(0, FEW_COLUMNS) : wanted;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another height places all rows anew
  useEffect(() => rows.measure(), [height]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another order starts at the top
  useEffect(() => {
    scroller.current?.scrollTo({ top: 0 });
  }, [key]);

  const failed = answers.find(({ error }) => error !== null);
  if (failed !== undefined) return <Failure error={failed.error} onRetry={() => void failed.refetch()} />;
  if (total === 0) {
    return (
      <Empty title="No unit is like that">
        <p>Nothing in this study passes these filters.</p>
        <button type="button" className="button" onClick={onReset}>
          Drop all filters
        </button>
      </Empty>
    );
  }
  return (
    <div
      className="table"
      role="table"
      aria-label="Units"
      aria-rowcount={total === undefined ? -1 : total + 1}
      ref={scroller}
      // Few rows take no more room than they need.
      style={{ '--rows': `${HEAD + Math.max(height, rows.getTotalSize())}px` } as object}
    >
      <Head sort={sort} order={order} columns={shown} onSort={onSort} />
      <div role="rowgroup" className="rows" style={{ height: Math.max(height, rows.getTotalSize()) }}>
        {items.map(({ index, start }) => (
          <Row
            key={index}
            index={index}
            start={start}
            unit={row(index)}
            sort={sort}
            columns={shown.join()}
            q={q}
            onOpen={open}
          />
        ))}
      </div>
    </div>
  );
}

function Head({
  sort,
  order,
  columns,
  onSort,
}: {
  sort: ListSort;
  order: 'asc' | 'desc';
  columns: readonly Metric[];
  onSort: (sort: ListSort) => void;
}) {
  const head = (to: ListSort, text: string, name: string, tip?: string) => (
    <div
      role="columnheader"
      className={`cell ${name}`}
      aria-sort={sort === to ? (order === 'asc' ? 'ascending' : 'descending') : 'none'}
    >
      <button type="button" onClick={() => onSort(to)} data-tip={tip}>
        {text}
        <Arrow sorted={sort === to} order={order} />
      </button>
    </div>
  );
  return (
    <div role="rowgroup" className="thead">
      <div role="row" className="row" aria-rowindex={1}>
        {head('unit', 'unit', 'name')}
        {head('verdict', 'features', 'strip-cell', 'By verdict: several things first.')}
        <div role="columnheader" className="cell meanings">
          what they are
        </div>
        {columns.map((metric) => (
          <Fragment key={metric}>
            {head(
              metric,
              metricInfo(metric).short,
              'value',
              `${metricInfo(metric).name}. ${metricInfo(metric).tip}`,
            )}
          </Fragment>
        ))}
      </div>
    </div>
  );
}

/** A row; drawn again only when its unit or place changes, since a scroll brings some every frame. */
const Row = memo(function Row({
  index,
  start,
  unit,
  sort,
  columns,
  q,
  onOpen,
}: {
  index: number;
  start: number;
  unit: UnitRow | undefined;
  sort: ListSort;
  /** Metrics, with commas between. */
  columns: string;
  q: string | undefined;
  onOpen: (bank: string, index: number, feature: number | undefined) => void;
}) {
  const style = { transform: `translateY(${start}px)` };
  if (unit === undefined) {
    return (
      <div role="row" className="row waiting" aria-rowindex={index + 2} style={style}>
        <div role="cell" className="cell name muted">
          …
        </div>
      </div>
    );
  }
  const { bank } = unit;
  return (
    <div
      role="row"
      className="row link"
      aria-rowindex={index + 2}
      style={style}
      onClick={(event) => {
        const modified = event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0;
        if (modified || window.getSelection()?.type === 'Range') return;
        event.preventDefault();
        // What was searched for comes first among the features.
        onOpen(bank, unit.index, q === undefined ? undefined : unit.features[0]?.id);
      }}
    >
      <div role="cell" className="cell name">
        <a href={`/unit/${encodeURIComponent(bank)}/${unit.index}`}>
          {bank}/{unit.index}
        </a>
      </div>
      <div role="cell" className="cell strip-cell">
        <Strip shares={unit} />
      </div>
      <div
        role="cell"
        className="cell meanings"
        {...hinted(unit.features.map(featureTitle).map(visible).join(' | '))}
      >
        <Meanings unit={unit} q={q} />
      </div>
      {(columns.split(',') as Metric[]).map((metric) => (
        <div key={metric} role="cell" className={`cell value num${metric === sort ? ' sorted' : ''}`}>
          {formatMetric(metric, unit[metric])}
        </div>
      ))}
    </div>
  );
});

function Arrow({ sorted, order }: { sorted: boolean; order: 'asc' | 'desc' }) {
  return (
    <span className="arrow" aria-hidden="true">
      {sorted ? (order === 'asc' ? '↑' : '↓') : ''}
    </span>
  );
}

/** "1,024 units by features, most first" */
export function tableCaption(total: number, sort: ListSort, order: 'asc' | 'desc'): string {
  return `${formatWhole(total)} unit${total === 1 ? '' : 's'}${orderCaption(sort, order)}`;
}

function orderCaption(sort: ListSort, order: 'asc' | 'desc'): string {
  if (sort === 'unit') return '';
  if (sort === 'verdict') return `, several things ${order === 'asc' ? 'first' : 'last'}`;
  return ` by ${metricInfo(sort).name.toLowerCase()}, ${order === 'asc' ? 'least' : 'most'} first`;
}
