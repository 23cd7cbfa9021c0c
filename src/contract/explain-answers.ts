import * as z from 'zod';

/** What the HTTP API gives that needs the model behind the study. */

export const modelAnswer = z
  .object({
    model: z
      .string()
      .nullable()
      .meta({ description: 'the source that it was loaded from; null where it is missing' }),
    missing: z.string().nullable().meta({ description: 'why there is no model, in one line' }),
  })
  .meta({ id: 'Model' });

export type ModelAnswer = z.output<typeof modelAnswer>;
