import { queryOptions } from '@tanstack/react-query';
import type { KeptSearchBody, NoteBody, NotesAnswer } from '../../../src/contract/notes.ts';
import { source } from './chosen.ts';
import { post, unitPath } from './http.ts';
import { queryClient } from './query-options.ts';

export type Notes = NotesAnswer;
type UnitId = { readonly bank: string; readonly index: number };

/** Stars and notes on a unit and its features, and how blind tests of it went. */
export const notesQuery = ({ bank, index }: UnitId) =>
  queryOptions({
    queryKey: ['notes', bank, index],
    queryFn: ({ signal }) => source().notes(bank, index, signal),
  });

/** All stars and notes, and the searches that are kept. */
export const allNotesQuery = queryOptions({
  queryKey: ['all-notes'],
  queryFn: ({ signal }) => source().allNotes(signal),
});

/** Names that a language model gave the unit's features. */
export const modelNamesQuery = ({ bank, index }: UnitId) =>
  queryOptions({
    queryKey: ['model-names', bank, index],
    queryFn: ({ signal }) => source().modelNames(bank, index, signal),
  });

export async function writeNote(note: NoteBody): Promise<void> {
  const notes = await post<Notes>('/api/notes/write', note);
  queryClient.setQueryData(notesQuery(note).queryKey, notes);
  await queryClient.invalidateQueries({ queryKey: allNotesQuery.queryKey });
}

export async function keepSearch(search: KeptSearchBody): Promise<void> {
  queryClient.setQueryData(allNotesQuery.queryKey, await post<Notes>('/api/notes/searches', search));
}

export async function writeIntruder(
  unit: UnitId,
  test: { examples: number[]; intruder: number; answer: number },
): Promise<void> {
  const path = `${unitPath(unit.bank, unit.index)}/intruders`;
  queryClient.setQueryData(notesQuery(unit).queryKey, await post<Notes>(path, test));
}
