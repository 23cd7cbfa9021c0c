import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useCallback, useEffect, useState } from 'react';
import { visible } from '../../../src/base/visible.ts';
import { source } from '../source/chosen.ts';
import { allNotesQuery, keepSearch, type Notes, writeNote } from '../source/notes-queries.ts';
import { useRecent } from '../ui/recent.ts';
import { findSearch, parseSearch } from '../ui/url-state.ts';

type Note = Notes['notes'][number];

/** What one had looked at, starred, noted and searched: each can be taken away, and that undone. */
export function Kept() {
  const { data } = useQuery(allNotesQuery);
  const recent = useRecent();
  const undo = useUndone();
  const notes = data?.notes.toReversed() ?? [];
  const searches = data?.searches.toReversed() ?? [];
  const canWrite = !source().isSite;
  const drop = (note: Note) => {
    const { at: _, ...rest } = note;
    undo.add(`${note.bank}/${note.index}`, () => writeNote(rest));
    void writeNote({ ...rest, star: false, note: '' });
  };
  if (recent.units.length + notes.length + searches.length === 0 && undo.last === null) return null;
  return (
    <div className="kept">
      {undo.last === null ? null : (
        <p className="notice small" role="status">
          Removed {undo.last}.{' '}
          <button type="button" className="button small" onClick={undo.undo}>
            Undo
          </button>
        </p>
      )}
      <List title="Recent" count={recent.units.length}>
        {recent.units.map((unit) => (
          <Row
            key={`${unit.bank}/${unit.index}`}
            what={`${unit.bank}/${unit.index} from recent units`}
            onDrop={() => {
              undo.add(`${unit.bank}/${unit.index}`, () => recent.set(recent.units));
              recent.set(recent.units.filter((other) => other !== unit));
            }}
          >
            <UnitLink {...unit} /> <bdi className="wrap">{visible(unit.title)}</bdi>
          </Row>
        ))}
      </List>
      <List title="Starred, and with notes" count={notes.length}>
        {notes.map((note) => (
          <Row
            key={JSON.stringify([note.bank, note.index, note.place])}
            what={`the note on ${note.bank}/${note.index}`}
            onDrop={canWrite ? () => drop(note) : undefined}
          >
            <span role="img" aria-label={note.star ? 'starred' : 'not starred'} className="muted">
              {note.star ? '★' : '☆'}
            </span>{' '}
            <UnitLink {...note} />{' '}
            <span className="muted small">{note.place === null ? '' : 'a feature'}</span>{' '}
            <bdi className="wrap">{visible(note.note)}</bdi>
          </Row>
        ))}
      </List>
      <List title="Searches" count={searches.length}>
        {searches.map(({ query }) => {
          const search = findSearch(parseSearch(query));
          return (
            <Row
              key={query}
              what={`the search for ${search.q}`}
              onDrop={
                canWrite
                  ? () => {
                      undo.add(`the search for ${search.q}`, () => keepSearch({ query, kept: true }));
                      void keepSearch({ query, kept: false });
                    }
                  : undefined
              }
            >
              <Link to="/search" search={search} className="wrap">
                <bdi>{visible(search.q ?? '')}</bdi>
              </Link>{' '}
              <span className="muted small">{searchDetails(search)}</span>
            </Row>
          );
        })}
      </List>
    </div>
  );
}

/** What else is asked of a search than its words. */
function searchDetails({ bank, parts, 'min.separation': least }: ReturnType<typeof findSearch>): string {
  return [
    bank,
    parts === undefined ? undefined : 'parts of words',
    least === undefined ? undefined : `separation ≥ ${least}`,
  ]
    .filter((part) => part !== undefined)
    .join(', ');
}

/** Opens a unit, at the feature that has the place. */
function UnitLink({ bank, index, place = null }: { bank: string; index: number; place?: Note['place'] }) {
  const search = place === null ? {} : { at: `${place.context},${place.position}` };
  return (
    <Link to="/unit/$bank/$index" params={{ bank, index }} search={search} className="num result-name">
      {bank}/{index}
    </Link>
  );
}

function List({ title, count, children }: { title: string; count: number; children: React.ReactNode }) {
  if (count === 0) return null;
  return (
    <section>
      <h2>{title}</h2>
      <ul>{children}</ul>
    </section>
  );
}

function Row({
  what,
  onDrop,
  children,
}: {
  what: string;
  onDrop: (() => void) | undefined;
  children: React.ReactNode;
}) {
  return (
    <li>
      <span>{children}</span>
      {onDrop === undefined ? null : (
        <button type="button" className="button quiet small" aria-label={`Remove ${what}`} onClick={onDrop}>
          ✕
        </button>
      )}
    </li>
  );
}

/** What was taken away last can be brought back, one after the other: by the button, or Ctrl-Z. */
function useUndone() {
  const [steps, setSteps] = useState<readonly { what: string; back: () => unknown }[]>([]);
  const add = (what: string, back: () => unknown) => setSteps((before) => [...before, { what, back }]);
  const undo = useCallback(() => {
    steps.at(-1)?.back();
    setSteps(steps.slice(0, -1));
  }, [steps]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const isField = event.target instanceof HTMLInputElement && event.target.value !== '';
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 'z' || isField) return;
      event.preventDefault();
      undo();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [undo]);
  return { add, undo, last: steps.at(-1)?.what ?? null };
}
