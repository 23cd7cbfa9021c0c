import * as z from 'zod';
import { MAX_NOTE, MAX_SEARCH } from '../explain/limits.ts';
import { unitModelNames } from '../explain/results.ts';
import { count, real } from './schemas.ts';

/** What the HTTP API takes and gives of notes, blind tests, and names by a language model. */

const place = z
  .strictObject({ context: count, position: count })
  .meta({ description: 'an example of a unit, by the context and position of its peak' });

const about = {
  bank: z.string(),
  index: count,
  place: place.nullable().meta({ description: 'the central example of a feature; null: about the unit' }),
};

export const noteBody = z.strictObject({
  ...about,
  star: z.boolean(),
  note: z.string().max(MAX_NOTE).meta({ description: 'empty and without a star: the note is gone' }),
});

export const keptSearchBody = z.strictObject({
  query: z
    .string()
    .min(1)
    .max(MAX_SEARCH)
    .meta({ description: 'the query of the search’s address: q=war&bank=mlp.1' }),
  kept: z.boolean().meta({ description: 'false: it is no longer kept' }),
});

export const notesQuery = z.strictObject({
  bank: z.string().min(1).optional().meta({ description: 'with index: of this unit alone' }),
  index: z
    .preprocess(
      (text) => (typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : text),
      count.optional(),
    )
    .meta({ description: 'with bank' }),
});

export const intruderScoreAnswer = z
  .object({
    tests: count,
    found: count,
    accuracy: real,
    interval: z.tuple([z.number(), z.number()]).nullable().meta({ description: '95 %, Wilson' }),
    chance: real.meta({ description: 'what guessing gives' }),
  })
  .meta({ id: 'IntruderScore', description: 'how often the intruder was found; null without tests' });

export const notesAnswer = z
  .object({
    notes: z.array(
      z
        .object({ ...about, at: z.string(), star: z.boolean(), note: z.string() })
        .meta({ id: 'Note', description: 'a feature’s note is of the one that its place is an example of' }),
    ),
    searches: z
      .array(z.object({ at: z.string(), query: z.string() }))
      .meta({ description: 'searches that are kept, the last one last' }),
    intruders: intruderScoreAnswer,
    damaged: z
      .array(count)
      .meta({ description: 'numbers of lines of the file that are no notes; they stay' }),
  })
  .meta({ id: 'Notes' });

export const intruderBody = z.strictObject({
  examples: z.array(count).min(3).max(20).meta({ description: 'ids of the examples that were shown' }),
  intruder: count.meta({ description: 'which of them is of another feature' }),
  answer: count.meta({ description: 'which was taken for it' }),
});

export const modelNamesAnswer = z
  .object({
    names: unitModelNames.nullable().meta({
      description:
        'what `polyseme name` kept last: names of features, and how well each tells examples that it was not made from, against those of the unit’s other features (siblings) and random text (balanced accuracy; 0.5 is chance)',
    }),
  })
  .meta({ id: 'ModelNames' });

export type NotesAnswer = z.output<typeof notesAnswer>;
export type KeptSearchBody = z.output<typeof keptSearchBody>;
export type NoteBody = z.output<typeof noteBody>;
export type ModelNamesAnswer = z.output<typeof modelNamesAnswer>;
