import { useQuery } from '@tanstack/react-query';
import { type Verdict, verdicts } from '../../../src/polysemy/verdict.ts';
import { bankColour } from '../charts/colours.ts';
import type { Metric } from '../source/answers.ts';
import { banksQuery, unitsQuery } from '../source/query-options.ts';
import { BankPicker, RangeFilters, useDelayed } from '../ui/filters.tsx';
import { counted, firstOrder, isMetric, type ListSort, listedMetrics } from '../ui/metric-info.ts';
import { useTheme } from '../ui/theme.ts';
import { ranges } from '../ui/url-state.ts';
import { VERDICT_NAMES } from '../ui/verdict-names.ts';
import { ColumnsMenu, FIRST_COLUMNS } from './columns-menu.tsx';
import { saveUnits } from './save-units.ts';
import { tableCaption, UnitTable } from './unit-table.tsx';
import { unitParams, useStudySearch } from './use-study-search.ts';

/** All units in a table, with what narrows and orders it. */
export function UnitsPanel() {
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

/** For the URL; the default is left out. */
function columnsText(columns: readonly Metric[]): string | undefined {
  const text = columns.join(',');
  return text === FIRST_COLUMNS.join(',') ? undefined : text || 'none';
}
