import * as z from 'zod';
import {
  MAX_TEXT,
  MOST_CONTEXTS,
  MOST_PIXELS,
  MOST_UNITS,
  SCALES,
  USUAL_CONTEXTS,
} from '../explain/limits.ts';
import { SIMILARITIES, SIMILARITY_MEANINGS } from '../explain/similarities.ts';
import { featureRules } from '../features/labeling.ts';
import {
  column,
  described,
  METRICS,
  type Metric,
  WORD_COLUMNS,
  type WordColumn,
} from '../polysemy/column-lists.ts';
import { SORTS } from '../polysemy/order.ts';
import { LONGEST_QUERY } from '../search/query.ts';
import { MATCHED_BANKS } from './constants.ts';
import { linkages, metrics } from './schemas.ts';

/** What paths and queries of the HTTP API of a study take. */

/** A number in a query or path, which is text. */
function numeric<T extends z.ZodType>(schema: T): z.ZodPreprocess<T> {
  return z.preprocess(
    (text) => (typeof text === 'string' && /^[-+.\de]+$/i.test(text) ? Number(text) : text),
    schema,
  );
}

const flag = z.preprocess(
  (text) => (text === 'true' ? true : text === 'false' ? false : text),
  z.boolean().default(false),
);
const bank = z.string().min(1);
const limit = (usual: number) => numeric(z.int().min(1).max(1000).default(usual));

const ranges = Object.fromEntries(
  METRICS.flatMap((metric) => [
    [`min.${metric}`, numeric(z.number().optional())],
    [`max.${metric}`, numeric(z.number().optional())],
  ]),
) as Record<`${'min' | 'max'}.${Metric}`, z.ZodPreprocess<z.ZodOptional<z.ZodNumber>>>;

const words = Object.fromEntries(
  WORD_COLUMNS.map((name) => [
    name,
    z
      .enum(column(name).words!)
      .optional()
      .meta({ description: described(name) }),
  ]),
) as Record<WordColumn, z.ZodOptional<z.ZodEnum<Record<string, string>>>>;

export const noQuery = z.strictObject({});

export const unitsQuery = z.strictObject({
  bank: bank.optional(),
  sort: z.enum(SORTS).optional().meta({
    description:
      'default: bank, then index; verdict: the units that are several things first, by effectiveFeatures, then separation; units without a number come last',
  }),
  order: z.enum(['asc', 'desc']).default('asc'),
  limit: limit(100),
  cursor: z
    .string()
    .optional()
    .meta({ description: '`next` of the page before; the rest of the query stays the same' }),
  offset: numeric(z.int().min(0).optional()).meta({ description: 'units to skip, instead of a cursor' }),
  q: z
    .string()
    .max(LONGEST_QUERY)
    .optional()
    .meta({ description: 'only units that a search for this finds; the features that it finds come first' }),
  expert: numeric(z.int().min(0).optional()).meta({
    description: 'only units of experts of this number, from 0, where a bank is of a mixture',
  }),
  ...words,
  ...ranges,
});

export const metricsQuery = z.strictObject({
  bank: bank.optional(),
  metrics: z
    .string()
    .transform((list) => list.split(','))
    .pipe(z.array(metrics))
    .optional()
    .meta({ description: 'names with commas between; default all' }),
});

export const unitParams = z.object({
  bank: bank.meta({ description: 'percent-encoded' }),
  index: numeric(z.int().min(0)),
});

export const unitQuery = z.strictObject({
  examples: z
    .union([z.literal('all'), numeric(z.int().min(1))])
    .default(20)
    .meta({ description: 'the most examples per feature' }),
});

export const clusteringQuery = z.strictObject({
  linkage: linkages.optional().meta({ description: "default: the study's" }),
  threshold: numeric(z.number().min(0).max(2).optional()).meta({ description: "default: the study's" }),
  clusters: numeric(z.int().min(1).optional()).meta({ description: 'instead of a threshold' }),
  features: z.enum(featureRules).optional().meta({
    description:
      "auto: the best split by its silhouette, whatever the linkage; cut: the clusters at the threshold; default: the study's own where nothing is asked for, else cut",
  }),
});

/** Examples whose neuron embeddings are given at once. */
const MOST_EMBEDDED = 100;

export const vectorsQuery = z.strictObject({
  examples: z
    .string()
    .regex(/^\d{1,9}(,\d{1,9})*$/)
    .transform((list) => list.split(',').map(Number))
    .pipe(z.array(z.int()).max(MOST_EMBEDDED))
    .optional()
    .meta({ description: `ids with commas between, at most ${MOST_EMBEDDED}; default none` }),
});

export const imagesQuery = z.strictObject({
  label: z.string().max(1000).optional().meta({ description: 'only images that show this' }),
  limit: limit(100),
  offset: numeric(z.int().min(0).default(0)).meta({ description: 'images to skip' }),
});

export const mapQuery = z.strictObject({ vectors: flag });

export const randomQuery = z.strictObject({ bank: bank.optional() });

export const searchQuery = z.strictObject({
  q: z.string().min(1).max(LONGEST_QUERY).meta({
    description:
      'words, "phrases in quotes", banks, and units (BANK/INDEX); all words must be found in one passage',
  }),
  parts: flag.meta({ description: 'whether words that contain those of the query match too' }),
  bank: bank.optional(),
  'min.separation': numeric(z.number().optional()).meta({ description: 'only units with at least this' }),
  limit: limit(50),
  offset: numeric(z.int().min(0).default(0)).meta({ description: 'units to skip' }),
});

export const compareQuery = z.strictObject({
  banks: z
    .string()
    .transform((list) => list.split(','))
    .pipe(z.array(bank).min(1).max(16))
    .meta({ description: 'names with commas between' }),
});

export const matchedQuery = z.strictObject({
  banks: z
    .string()
    .transform((list) => list.split(','))
    .pipe(z.array(bank).min(2).max(MATCHED_BANKS))
    .meta({ description: `two to ${MATCHED_BANKS} names with commas between` }),
});

export const classifyBody = z.strictObject({
  context: z.int().min(0).optional().meta({ description: 'id of a context of the study that is an image' }),
  pixels: z.array(z.int().min(0).max(255)).max(MOST_PIXELS).optional().meta({
    description: 'or values of an image in the size that the model sees, row by row, channels together',
  }),
  embeddings: z
    .array(z.strictObject({ bank, index: z.int().min(0) }))
    .max(64)
    .optional()
    .meta({ description: 'units whose neuron embeddings of the image are wanted' }),
});

export const patchImportanceBody = z.strictObject({
  feature: z.int().min(0).optional().meta({ description: 'id of a feature; default: all' }),
  examples: z
    .array(z.int().min(0))
    .max(64)
    .optional()
    .meta({ description: 'ids of examples; default: the first eight of the unit or feature' }),
});

export const classEffectBody = patchImportanceBody.pick({ feature: true });

export const contextParams = z.strictObject({
  context: numeric(z.int().min(0)).meta({ description: 'id of a context' }),
});

export const documentQuery = z.strictObject({
  around: numeric(z.int().min(0).max(1_000_000).default(4000)).meta({
    description: 'characters to each side of the context',
  }),
});

const featureId = z.int().min(0).meta({ description: 'id of a feature; default: all' });

export const importanceBody = z.strictObject({
  feature: featureId.optional(),
  examples: z
    .array(z.int().min(0))
    .max(1000)
    .optional()
    .meta({ description: 'ids of examples; default: all of the unit or feature' }),
  mask: z.string().min(1).optional().meta({
    description:
      'text of the token that masked ones are replaced by; default: the mask token, padding or end of text',
  }),
});

const text = z.string().min(1).max(MAX_TEXT).meta({ description: 'the text' });

export const probeBody = z.strictObject({
  text,
  bank: bank.optional().meta({ description: 'only this bank; default all' }),
  top: z.int().min(1).max(MOST_UNITS).default(5).meta({ description: 'units of a token, at most' }),
});

export const unitProbeBody = z.strictObject({ text });

export const similarQuery = z.strictObject({
  feature: numeric(z.int().min(0).default(0)).meta({ description: 'its id' }),
  by: z
    .enum(SIMILARITIES)
    .default('embedding')
    .meta({
      description: SIMILARITIES.map((by) => `${by}: ${SIMILARITY_MEANINGS[by]}`).join('; '),
    }),
  limit: limit(10),
});

export const ablateBody = z.strictObject({
  feature: featureId.optional(),
  contexts: z.int().min(1).max(MOST_CONTEXTS).default(USUAL_CONTEXTS).meta({
    description: 'contexts that are measured, where there are as many',
  }),
  scale: z.number().min(SCALES[0]).max(SCALES[1]).default(0).meta({
    description: 'what the activation is multiplied by: 0 ablates, more than 1 steers',
  }),
  to: z.enum(['zero', 'mean']).default('zero').meta({ description: 'what the activation is at scale 0' }),
  controls: z.boolean().default(true).meta({ description: 'measure units of equal density too' }),
});

export type SearchQuery = z.output<typeof searchQuery>;
export type UnitsQuery = z.output<typeof unitsQuery>;
