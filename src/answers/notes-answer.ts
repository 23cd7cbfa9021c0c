import type { NotesAnswer } from '../contract/notes.ts';
import { intruderScore } from '../explain/intruders.ts';
import type { Notes } from '../explain/notes.ts';

/** Stars and notes, and how blind tests went: of one unit, or all; and the searches that are kept. */
export function notesAnswer(
  { notes, answers, searches, damaged }: Notes,
  unit: { readonly bank: string; readonly index: number } | null,
): NotesAnswer {
  const isAsked = (one: { bank: string; index: number }): boolean =>
    unit === null || (one.bank === unit.bank && one.index === unit.index);
  const { interval, ...score } = intruderScore(answers.filter(isAsked));
  return {
    notes: notes.filter(isAsked).map((note) => ({ ...note })),
    searches: unit === null ? searches.map((search) => ({ ...search })) : [],
    intruders: { ...score, interval: interval && [...interval] },
    damaged: [...damaged],
  };
}
