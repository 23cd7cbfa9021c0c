import * as z from 'zod';
import { type Verdict, verdicts } from '../polysemy/verdict.ts';
import { byMetric, count, linkages, metrics, real } from './schemas.ts';

/**
 * What the HTTP API gives of a study. Routing, validation, and the OpenAPI document follow from these; a schema with
 * an id is a component of that document. Where there is no number, there is null.
 */

/** RFC 9457 problem details. */
export const problem = z
  .object({ type: z.string(), title: z.string(), status: z.int(), detail: z.string() })
  .meta({ id: 'Problem' });

export const health = z.object({ status: z.literal('ok') }).meta({ id: 'Health' });

export const servedAnswer = z
  .object({ study: z.boolean(), trainings: z.boolean(), queue: z.boolean() })
  .meta({ id: 'Served', description: 'what there is to be read here' });

export const studyAnswer = z
  .object({
    /** Of Polyseme. */
    version: z.string(),
    /** The study's file name. */
    name: z.string(),
    status: z.enum(['complete', 'unfinished']),
    model: z.record(z.string(), z.unknown()),
    data: z.record(z.string(), z.unknown()),
    options: z.record(z.string(), z.unknown()),
    banks: z.array(
      z.object({ name: z.string(), kind: z.string(), site: z.string(), units: count, width: count }),
    ),
    documents: count.nullable(),
    duplicateDocuments: count.nullable().meta({ description: 'left out because their text came before' }),
    sinks: z
      .record(z.string(), z.object({ threshold: z.number(), positions: count }))
      .nullable()
      .meta({
        description: 'text positions that are no examples, by the site where their norm is too large',
      }),
    documentsKept: z.boolean().meta({ description: 'whether the texts of documents can be read' }),
    contexts: count.nullable(),
    tokens: count.nullable().meta({ description: 'text tokens that the statistics are over' }),
    examples: count.meta({ description: 'examples of all units together' }),
    contentHash: z.string().nullable().meta({ description: 'SHA-256 of the content; null while unfinished' }),
    metrics: z.array(metrics).meta({ description: 'names that units can be sorted and filtered by' }),
    linkages: z.array(linkages),
  })
  .meta({ id: 'Study' });

export const documentAnswer = z
  .object({
    document: z.string(),
    characters: count.meta({ description: 'of the whole document, in UTF-16 code units' }),
    from: count.meta({ description: 'where the context begins' }),
    to: count.meta({ description: 'where it ends' }),
    before: z.string().meta({ description: 'the text before the context' }),
    passage: z.string().meta({ description: 'the text of the context' }),
    after: z.string().meta({ description: 'the text after it' }),
  })
  .meta({ id: 'Document', description: 'a document around one context, as it was read' });

export const quantiles = z
  .object({ count, min: real, q1: real, median: real, q3: real, max: real, mean: real })
  .meta({ id: 'Quantiles', description: 'over the units that have a number' });

export const banksAnswer = z
  .object({
    banks: z.array(
      z.object({
        name: z.string(),
        kind: z.string(),
        site: z.string(),
        units: count,
        width: count,
        analysed: count.meta({ description: 'units in the study: less than `units` while it is unfinished' }),
        dead: count.meta({ description: 'units without examples' }),
        verdicts: z
          .object(
            Object.fromEntries(verdicts.map((verdict) => [verdict, count])) as Record<Verdict, typeof count>,
          )
          .nullable()
          .meta({ description: 'units by verdict; null in a study of a version that had none' }),
        summary: byMetric(quantiles),
      }),
    ),
  })
  .meta({ id: 'Banks' });

export type Problem = z.output<typeof problem>;
export type ServedAnswer = z.output<typeof servedAnswer>;
export type DocumentAnswer = z.output<typeof documentAnswer>;
export type StudyAnswer = z.output<typeof studyAnswer>;
export type Quantiles = z.output<typeof quantiles>;
export type BanksAnswer = z.output<typeof banksAnswer>;
