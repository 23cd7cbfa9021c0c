import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { MAX_NOTE } from '../../../src/explain/limits.ts';
import { noteOf } from '../../../src/explain/note-of.ts';
import type { Example, Unit } from '../source/answers.ts';
import { source } from '../source/chosen.ts';
import { notesQuery, writeNote } from '../source/notes-queries.ts';
import { hinted } from '../ui/tips.tsx';

/**
 * The star and the note on a unit, or on one of its features.
 * @param about what they are on, as its name is read out
 * @param examples those of the feature, the most typical first; null: it is about the unit
 */
export function Note({
  unit,
  about,
  examples,
}: {
  unit: Unit;
  about: string;
  examples: readonly Example[] | null;
}) {
  const { bank, index } = unit;
  const { data } = useQuery(notesQuery(unit));
  const saving = useMutation({ mutationFn: writeNote });
  const [draft, setDraft] = useState<string | null>(null);
  const found = data === undefined ? null : noteOf(data.notes, unit, examples);
  const { star, note } = found ?? { star: false, note: '' };
  const [central] = examples ?? [];
  // A note that is there keeps its place, so that the feature it was written on stays its own.
  const place =
    found?.place ?? (central === undefined ? null : { context: central.context, position: central.position });
  const save = (changes: { star?: boolean; note?: string }) =>
    saving.mutate({ bank, index, place, star, note, ...changes });
  if (source().isSite) return <Written star={star} note={note} about={about} />;
  return (
    <div className="note">
      <button
        type="button"
        className="button quiet"
        aria-pressed={star}
        aria-label={`Star ${about}`}
        {...hinted(star ? 'Take the star away' : 'Star')}
        disabled={data === undefined}
        onClick={() => save({ star: !star })}
      >
        {star ? '★' : '☆'}
      </button>
      {draft === null ? (
        <button
          type="button"
          className="button quiet small note-text"
          aria-label={`${note === '' ? 'Write a note on' : 'Change the note on'} ${about}`}
          disabled={data === undefined}
          onClick={() => setDraft(note)}
        >
          {note === '' ? <span className="muted">Note</span> : <bdi className="wrap">{note}</bdi>}
        </button>
      ) : (
        <form
          className="note-form"
          onSubmit={(event) => {
            event.preventDefault();
            save({ note: draft.trim() });
            setDraft(null);
          }}
        >
          <textarea
            // biome-ignore lint/a11y/noAutofocus: it was asked for by the button that it replaces
            autoFocus
            rows={2}
            maxLength={MAX_NOTE}
            aria-label={`Note on ${about}`}
            value={draft}
            onChange={(event) => setDraft(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === 'Escape') setDraft(null);
            }}
          />
          <button type="submit" className="button small">
            Save
          </button>
          <button type="button" className="button quiet small" onClick={() => setDraft(null)}>
            Cancel
          </button>
        </form>
      )}
      {saving.error === null ? null : (
        <p className="bad small" role="alert">
          {saving.error.message}
        </p>
      )}
    </div>
  );
}

/** As a site has them: they cannot be changed. */
function Written({ star, note, about }: { star: boolean; note: string; about: string }) {
  if (!star && note === '') return null;
  return (
    <div className="note">
      {star ? (
        <span role="img" aria-label={`${about} is starred`}>
          ★
        </span>
      ) : null}
      <bdi className="wrap small">{note}</bdi>
    </div>
  );
}
