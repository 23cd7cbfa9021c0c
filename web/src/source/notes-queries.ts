import { queryOptions } from '@tanstack/react-query';
import type { NoteBody, NotesAnswer } from '../../../src/contract/notes.ts';
import { get, post } from './http.ts';
import { queryClient } from './query-options.ts';

export type Notes = NotesAnswer;
type UnitId = { readonly bank: string; readonly index: number };

/** Stars and notes on a unit and its features, and how blind tests of it went. */
export const notesQuery = ({ bank, index }: UnitId) =>
  queryOptions({
    queryKey: ['notes', bank, index],
    queryFn: ({ signal }) => get<Notes>('/api/notes', { bank, index }, signal),
  });

export async function writeNote(note: NoteBody): Promise<void> {
  const notes = await post<Notes>('/api/notes/write', note);
  queryClient.setQueryData(notesQuery(note).queryKey, notes);
}

export async function writeIntruder(
  unit: UnitId,
  test: { examples: number[]; intruder: number; answer: number },
): Promise<void> {
  const path = `/api/units/${encodeURIComponent(unit.bank)}/${unit.index}/intruders`;
  queryClient.setQueryData(notesQuery(unit).queryKey, await post<Notes>(path, test));
}
