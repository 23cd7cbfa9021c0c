import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import type { Metric, UnitRow } from '../source/answers.ts';
import { PAGE, searchQuery, studyQuery, unitsQuery } from '../source/query-options.ts';
import { RangeFilters, useDelayed } from '../ui/filters.tsx';
import { Meanings } from '../ui/meanings.tsx';
import { counted, formatMetric, formatWhole, METRIC_LIST, metricInfo } from '../ui/metric-info.ts';
import { unitName } from '../ui/search-box.tsx';
import { Empty, Failure, Loading } from '../ui/states.tsx';
import { Strip } from '../ui/strip.tsx';
import { ranges, type TableSearch } from '../ui/url-state.ts';

type Named = UnitRow['features'][number];
type Found = UnitRow & {
  matches?: { feature: number; name: Named['name']; words: string[] }[];
};

/** Units by words of their features, by name, and by metrics. */
export function SearchPage() {
  const search = useSearch({ from: '/search' });
  const navigate = useNavigate({ from: '/search' });
  const change = (changes: Partial<TableSearch>) =>
    void navigate({ search: (before) => ({ ...before, ...changes }), replace: true, resetScroll: false });
  const { q = '', sort, order = 'desc', bank } = search;
  const bounds = ranges({ ...search });
  // Words alone go to the search, which ranks by how well they match; with a metric, the list of units answers.
  const byMetric = sort !== undefined || bank !== undefined || Object.keys(bounds).length > 0;
  const words = useQuery({ ...searchQuery(q), enabled: q.trim() !== '' && !byMetric });
  const list = useQuery({
    ...unitsQuery({ q: q || undefined, sort, order, bank, ...bounds }, 0),
    enabled: byMetric,
  });
  const answer = byMetric ? list : words;
  const [text, setText] = useDelayed(q, (next) => change({ q: next.trim() || undefined }));
  const asked = q.trim() !== '' || byMetric;
  const units: readonly Found[] = answer.data?.units ?? [];
  return (
    <main id="main" className="page narrow">
      <title>{q === '' ? 'Search · Polyseme' : `${q} · Search · Polyseme`}</title>
      <h1>Search</h1>
      <div className="search-form">
        <input
          type="search"
          className="big"
          aria-label="Words or a unit"
          placeholder="Words of a feature, or a unit such as mlp.2/137"
          value={text}
          // biome-ignore lint/a11y/noAutofocus: the page is for searching
          autoFocus={q === ''}
          onChange={(event) => setText(event.target.value)}
        />
        <div className="controls">
          <label>
            Sort by
            <select
              value={sort ?? ''}
              onChange={(event) => change({ sort: (event.target.value || undefined) as Metric | undefined })}
            >
              <option value="">{byMetric ? 'unit' : 'match'}</option>
              {METRIC_LIST.map(({ metric, name }) => (
                <option key={metric} value={metric}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          {sort === undefined ? null : (
            <label>
              <span className="sr">Order</span>
              <select
                value={order}
                onChange={(event) => change({ order: event.target.value === 'asc' ? 'asc' : undefined })}
              >
                <option value="desc">most first</option>
                <option value="asc">least first</option>
              </select>
            </label>
          )}
          <RangeFilters ranges={bounds} onChange={change} />
        </div>
      </div>
      {!asked ? (
        <Suggestions />
      ) : answer.error !== null ? (
        <Failure error={answer.error} onRetry={() => void answer.refetch()} />
      ) : answer.data === undefined ? (
        <Loading what="the answer" />
      ) : units.length === 0 ? (
        <Nothing q={q} />
      ) : (
        <>
          <p className="muted small num" role="status">
            {counted(answer.data.total, 'unit')}
            {answer.data.total > units.length ? `; the first ${units.length}` : ''}
          </p>
          <ol className="results">
            {units.map((unit) => (
              <Result key={`${unit.bank}/${unit.index}`} unit={unit} q={q} extra={sort} />
            ))}
          </ol>
          {byMetric && answer.data.total > PAGE ? (
            <Link to="/" search={{ ...search }} className="button">
              All {answer.data.total} in the table
            </Link>
          ) : null}
        </>
      )}
    </main>
  );
}

function Result({ unit, q, extra }: { unit: Found; q: string; extra: Metric | undefined }) {
  const { bank, index, sizes, matches = [] } = unit;
  const shown: readonly Metric[] = [
    ...new Set<Metric>(['separation', ...(extra === undefined ? [] : [extra])]),
  ];
  const found = matches.map(({ feature, ...named }) => ({ id: feature, ...named }));
  const lit = found.length > 0 ? new Set(found.map(({ id }) => id)) : undefined;
  const first = found[0];
  return (
    <li>
      <Link
        to="/unit/$bank/$index"
        params={{ bank, index }}
        search={first ? { feature: first.id } : {}}
        className="num result-name"
      >
        {bank}/{index}
      </Link>
      <span className="result-strip">
        <Strip shares={unit} lit={lit} />
      </span>
      <span className="result-words wrap">
        <Meanings unit={{ ...unit, features: found.length > 0 ? found : unit.features }} q={q} />
      </span>
      <span className="muted small num result-metrics">
        {first === undefined ? null : (
          <span>
            {formatWhole(sizes[first.id] ?? 0)} of {counted(unit.examples, 'example')}
          </span>
        )}
        <span>{counted(unit.featureCount ?? sizes.length, 'feature')}</span>
        {shown.map((metric) => (
          <span key={metric}>
            {formatMetric(metric, unit[metric])} {metricInfo(metric).short}
          </span>
        ))}
      </span>
    </li>
  );
}

function Nothing({ q }: { q: string }) {
  const name = unitName(q);
  return (
    <Empty title={name === null ? 'No feature has such words' : 'There is no such unit'}>
      <p>
        {name === null
          ? 'Names of features and the words that set them apart are searched. Try a shorter word, or a part of one.'
          : 'A unit is its bank, a slash, and its number, counted from 0.'}
      </p>
    </Empty>
  );
}

function Suggestions() {
  const study = useQuery(studyQuery);
  const last = study.data?.banks.at(-1)?.name;
  return (
    <div className="suggestions muted">
      <p>Some places to begin:</p>
      <ul>
        <li>
          <Link to="/search" search={{ sort: 'effectiveFeatures' }}>
            the units with most features
          </Link>
        </li>
        <li>
          <Link to="/search" search={{ sort: 'separation', 'min.featureCount': 2, 'max.featureCount': 4 }}>
            units that fall cleanly into two to four features
          </Link>
        </li>
        <li>
          <Link to="/search" search={{ sort: 'relativeDistance', order: 'asc', 'min.examples': 10 }}>
            the units with one meaning
          </Link>
        </li>
        {last === undefined ? null : (
          <li>
            <Link to="/search" search={{ q: `${last}/0` }}>
              {last}/0, by name
            </Link>
          </li>
        )}
      </ul>
    </div>
  );
}
