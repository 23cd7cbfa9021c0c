import type { Note, Place } from './notes.ts';

/** The note of a unit, or of a feature: the last one that is about one of the feature's examples. */
export function noteOf<One extends Omit<Note, 'at'>>(
  notes: readonly One[],
  unit: { readonly bank: string; readonly index: number },
  examples: readonly Place[] | null,
): One | null {
  const own = notes.filter((note) => note.bank === unit.bank && note.index === unit.index);
  const isAbout = ({ place }: One): boolean =>
    examples === null
      ? place === null
      : place !== null &&
        examples.some(({ context, position }) => context === place.context && position === place.position);
  return own.findLast(isAbout) ?? null;
}
