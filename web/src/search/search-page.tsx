import { useMutation, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { type KeyboardEvent, useRef } from 'react';
import { visible } from '../../../src/base/visible.ts';
import { LONGEST_QUERY } from '../../../src/search/query.ts';
import { source } from '../source/chosen.ts';
import { allNotesQuery, keepSearch } from '../source/notes-queries.ts';
import { FOUND_PAGE, searchQuery, studyQuery } from '../source/query-options.ts';
import { useDelayed } from '../ui/filters.tsx';
import { counted, formatWhole } from '../ui/metric-info.ts';
import { unitName } from '../ui/search-box.tsx';
import { Empty, Failure, Loading } from '../ui/states.tsx';
import { type FindSearch, stringifySearch } from '../ui/url-state.ts';
import { useImages } from '../ui/use-images.ts';
import { Facets } from './facets.tsx';
import { FoundUnit } from './found-unit.tsx';
import { Kept } from './kept.tsx';
import { ResultPages } from './result-pages.tsx';
import '../styles/search.css';

/** Units by the words around the peaks of their examples, best first; before there is a query, what one had before. */
export function SearchPage() {
  const search = useSearch({ from: '/search' });
  const navigate = useNavigate({ from: '/search' });
  const change = (changes: FindSearch, replace = true) =>
    void navigate({
      search: (before: FindSearch) => ({ ...before, page: undefined, ...changes }),
      replace,
      resetScroll: false,
    });
  const { q = '', parts, bank, page = 1 } = search;
  const asked = { q, parts, bank, 'min.separation': search['min.separation'] };
  const answer = useQuery(searchQuery(asked, page - 1));
  const [text, setText] = useDelayed(q, (next) => change({ q: next.trim() || undefined }));
  const field = useRef<HTMLInputElement>(null);
  return (
    <main id="main" className="page narrow" onKeyDown={(event) => moveFocus(event, field.current)}>
      <title>{q === '' ? 'Search · Polyseme' : `${visible(q)} · Search · Polyseme`}</title>
      <h1>Search</h1>
      <div className="search-form">
        <input
          ref={field}
          type="search"
          className="big"
          aria-label="Words, phrases or a unit"
          placeholder='Words, a "phrase in quotes", or a unit such as mlp.2/137'
          maxLength={LONGEST_QUERY}
          value={text}
          // biome-ignore lint/a11y/noAutofocus: the page is for searching
          autoFocus={q === ''}
          onChange={(event) => setText(event.target.value)}
        />
        <label className="small search-parts">
          <input
            type="checkbox"
            checked={parts !== undefined}
            onChange={(event) => change({ parts: event.target.checked ? 'true' : undefined })}
          />
          parts of words too
        </label>
      </div>
      {q.trim() === '' ? (
        <>
          <Kept />
          <Suggestions />
        </>
      ) : answer.error !== null ? (
        <Failure error={answer.error} onRetry={() => void answer.refetch()} />
      ) : answer.data === undefined ? (
        <Loading what="the answer" />
      ) : (
        <div aria-busy={answer.isPlaceholderData}>
          {answer.data.facets.banks.length === 0 ? null : (
            <Facets facets={answer.data.facets} chosen={asked} onChange={(chosen) => change(chosen, false)} />
          )}
          {answer.data.total === 0 ? (
            <Nothing search={search} />
          ) : (
            <>
              <div className="results-head">
                <p className="muted small num" role="status">
                  {counted(answer.data.total, 'unit')}
                  {answer.data.total > FOUND_PAGE
                    ? `, ${formatWhole((page - 1) * FOUND_PAGE + 1)} to ${formatWhole(Math.min(page * FOUND_PAGE, answer.data.total))}`
                    : ''}
                  , by share and exactness
                </p>
                <KeepSearch search={search} />
              </div>
              <Results search={search} data={answer.data} />
              <ResultPages search={search} page={page} total={answer.data.total} />
            </>
          )}
        </div>
      )}
    </main>
  );
}

function Results({
  search: { q = '', parts },
  data,
}: {
  search: FindSearch;
  data: { readonly units: readonly Parameters<typeof FoundUnit>[0]['unit'][] };
}) {
  const grid = useImages();
  return (
    <ol className="results">
      {data.units.map((unit) => (
        <FoundUnit
          key={`${unit.bank}/${unit.index}`}
          unit={unit}
          q={q}
          parts={parts !== undefined}
          grid={grid}
        />
      ))}
    </ol>
  );
}

/** Keeps a search in the notes of the study. */
function KeepSearch({ search: { page: _, ...search } }: { search: FindSearch }) {
  const { data } = useQuery(allNotesQuery);
  const saving = useMutation({ mutationFn: keepSearch });
  if (source().isSite) return null;
  const query = stringifySearch({ ...search }).slice(1);
  const kept = data?.searches.some((one) => one.query === query) ?? false;
  return (
    <span className="small">
      <button
        type="button"
        className="button small"
        aria-pressed={kept}
        disabled={data === undefined}
        onClick={() => saving.mutate({ query, kept: !kept })}
      >
        {kept ? '★ kept' : '☆ keep this search'}
      </button>
      {saving.error === null ? null : (
        <span className="bad" role="alert">
          {saving.error.message}
        </span>
      )}
    </span>
  );
}

/** ↓ and ↑ move between the field and the units that were found. */
function moveFocus(event: KeyboardEvent<HTMLElement>, field: HTMLInputElement | null): void {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>('.results a.result-name')];
  const stops = [field, ...links];
  const at = stops.indexOf(document.activeElement as HTMLElement);
  if (at < 0) return;
  const next = stops[at + (event.key === 'ArrowDown' ? 1 : -1)];
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.scrollIntoView({ block: 'nearest' });
}

function Nothing({ search }: { search: FindSearch }) {
  const { q = '', parts, bank, 'min.separation': least } = search;
  const name = unitName(q);
  return (
    <Empty title={name === null ? 'No passage has that' : 'There is no such unit'}>
      <p>
        {name !== null
          ? 'A unit is its bank, a slash, and its number, counted from 0.'
          : 'All words have to be within five tokens of one peak, and whole.'}
      </p>
      {parts === undefined && name === null ? (
        <Link to="/search" search={{ ...search, parts: 'true' }} className="button">
          Look for parts of words too
        </Link>
      ) : null}{' '}
      {bank === undefined && least === undefined ? null : (
        <Link to="/search" search={{ q, parts }} className="button">
          Look in all units
        </Link>
      )}
    </Empty>
  );
}

function Suggestions() {
  const study = useQuery(studyQuery);
  const last = study.data?.banks.at(-1)?.name;
  return (
    <div className="suggestions muted">
      <h2>Some places to begin</h2>
      <ul>
        <li>
          <Link to="/" search={{ sort: 'effectiveFeatures' }}>
            the units with most features
          </Link>
        </li>
        <li>
          <Link to="/" search={{ sort: 'separation', 'min.featureCount': 2, 'max.featureCount': 4 }}>
            units that fall cleanly into two to four features
          </Link>
        </li>
        <li>
          <Link to="/" search={{ sort: 'relativeDistance', order: 'asc', 'min.examples': 10 }}>
            the units with one meaning
          </Link>
        </li>
        {last === undefined ? null : (
          <li>
            <Link to="/search" search={{ q: last }}>
              the units of {last}
            </Link>
          </li>
        )}
      </ul>
    </div>
  );
}
