import { noteOf } from '../explain/note-of.ts';
import { type Place, readNotes } from '../explain/notes.ts';
import type { SplitUnit, UnitFeature } from '../features/split-unit.ts';
import { notesPath, readNoteLines } from '../study/notes-file.ts';
import type { Study } from '../study/study.ts';

/** What a reader wrote: without a star and a note, `false` and an empty text. */
export interface Noted {
  readonly star: boolean;
  readonly note: string;
}

/** A unit with the stars and notes on it and its features, as it is exported. */
export interface NotedUnit extends SplitUnit, Noted {
  readonly features: readonly (UnitFeature & Noted)[];
}

/** Puts a study's units together with the notes that are kept beside the study; they are read once. */
export function notedUnits(study: Study): (bank: string, index: number) => NotedUnit {
  const { notes } = readNotes(readNoteLines(notesPath(study.path)));
  return (bank, index) => {
    const unit = study.unit(bank, index);
    const of = (places: readonly Place[] | null): Noted => {
      const { star, note } = noteOf(notes, { bank, index }, places) ?? { star: false, note: '' };
      return { star, note };
    };
    const features = unit.features.map((feature) => ({ ...feature, ...of(feature.examples) }));
    return { ...unit, ...of(null), features };
  };
}
