import * as z from 'zod';
import { MATCHED_FEATURES } from './constants.ts';
import { count } from './schemas.ts';
import { exampleImage, listedFeature, unitRow } from './unit-answers.ts';

/** What the HTTP API gives for a search. */

const foundPassage = z
  .object({
    example: count.meta({ description: 'its id' }),
    feature: count,
    activation: z.number(),
    context: count,
    document: z.string(),
    image: exampleImage.optional(),
    position: count.meta({ description: 'of the peak among the tokens' }),
    tokens: z.array(z.string()).meta({ description: 'those around the peak; none of an image' }),
    special: z.array(count),
    marked: z.array(count).meta({ description: 'positions of the tokens that hold what was searched for' }),
  })
  .meta({ id: 'FoundPassage' });

export const searchAnswer = z
  .object({
    units: z
      .array(
        unitRow
          .extend({
            found: count.meta({
              description: 'how many of its examples have the words within five tokens of their peak',
            }),
            matches: z
              .array(
                z.object({
                  feature: count,
                  size: count.meta({ description: 'its examples' }),
                  examples: count.meta({ description: 'those of them with the words' }),
                  ...listedFeature,
                }),
              )
              .meta({
                description: `the features with such examples, or whose name or words have the words of the query, at most ${MATCHED_FEATURES}; best first`,
              }),
            passage: foundPassage.nullable().meta({
              description: 'the best example of the first feature; null where only the unit was asked for',
            }),
          })
          .meta({ id: 'Match' }),
      )
      .meta({
        description:
          'units by name first, then by their best feature: the share of the unit’s examples that have the words and are of it, times how exactly its examples have them',
      }),
    total: count,
    facets: z
      .object({
        banks: z.array(z.object({ bank: z.string(), units: count })),
        separation: z.array(z.object({ min: z.number(), units: count })),
      })
      .meta({ description: 'how many units there would be of each bank, and with at least some separation' }),
  })
  .meta({ id: 'Matches' });

export type SearchAnswer = z.output<typeof searchAnswer>;
