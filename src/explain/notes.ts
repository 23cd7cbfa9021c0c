import * as z from 'zod';
import { MAX_NOTE, MAX_SEARCH } from './limits.ts';

/** Examples of one blind test. */
const MAX_PASSAGES = 64;

const whole = z.int().min(0);
const bank = z.string().min(1).max(1000);
const at = z.iso.datetime();
/** An example of a unit, by where it lies: that stays when the unit is cut anew. */
const place = z.strictObject({ context: whole, position: whole });
export type Place = z.output<typeof place>;

/** A star and a note, as the file of notes has them. */
const noteLine = z.strictObject({
  kind: z.literal('note'),
  at,
  bank,
  index: whole,
  /** The central example of the feature that it is about; null: about the unit. */
  place: place.nullable(),
  star: z.boolean(),
  note: z.string().max(MAX_NOTE),
});

/** An answer to a blind test of a split (see `intruders.ts`). */
const answerLine = z.strictObject({
  kind: z.literal('intruder'),
  at,
  bank,
  index: whole,
  /** What was shown, which of them was the intruder, and which was taken for it. */
  places: z.array(place).min(3).max(MAX_PASSAGES),
  intruder: whole,
  answer: whole,
});

/** A search that is kept, by the query of its address; or no longer kept. */
const searchLine = z.strictObject({
  kind: z.literal('search'),
  at,
  query: z.string().min(1).max(MAX_SEARCH),
  kept: z.boolean(),
});

const line = z.discriminatedUnion('kind', [noteLine, answerLine, searchLine]);
export type NotesLine = z.output<typeof line>;
export type Note = Omit<z.output<typeof noteLine>, 'kind'>;
export type IntruderAnswer = Omit<z.output<typeof answerLine>, 'kind'>;

/** What a file of notes says. */
export interface Notes {
  /** The last of each unit and feature; those that are neither starred nor noted are left out. */
  readonly notes: readonly Note[];
  readonly answers: readonly IntruderAnswer[];
  /** Searches that are kept, the last one last. */
  readonly searches: readonly { readonly at: string; readonly query: string }[];
  /** Lines that are none of ours, by their numbers from 1; they stay in the file. */
  readonly damaged: readonly number[];
}

/** Reads the lines of a file of notes; null stands for a line that is no text. */
export function readNotes(lines: Iterable<string | null>): Notes {
  const notes = new Map<string, Note>();
  const answers: IntruderAnswer[] = [];
  const searches = new Map<string, string>();
  const damaged: number[] = [];
  let number = 0;
  for (const text of lines) {
    number++;
    if (text?.trim() === '') continue;
    const parsed = line.safeParse(text === null ? null : parsedJson(text));
    if (!parsed.success) damaged.push(number);
    else if (parsed.data.kind === 'intruder') {
      const { kind: _, ...answer } = parsed.data;
      answers.push(answer);
    } else if (parsed.data.kind === 'search') {
      const { query, kept, at: when } = parsed.data;
      searches.delete(query);
      if (kept) searches.set(query, when);
    } else {
      const { kind: _, ...note } = parsed.data;
      // The last one of a unit or feature counts, and takes the last place.
      notes.delete(noteKey(note));
      notes.set(noteKey(note), note);
    }
  }
  return {
    notes: [...notes.values()].filter(({ star, note }) => star || note !== ''),
    answers,
    searches: Array.from(searches, ([query, when]) => ({ at: when, query })),
    damaged,
  };
}

/** A line of a file of notes, with its end. */
export function notesLine(value: NotesLine): string {
  return `${JSON.stringify(line.parse(value))}\n`;
}

function noteKey({ bank, index, place }: Note): string {
  return JSON.stringify([bank, index, place && [place.context, place.position]]);
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
