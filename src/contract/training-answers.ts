import * as z from 'zod';
import { LOG_FIGURES, type LogFigure } from '../sae/trainer/log-figures.ts';

/** What the HTTP API gives of trainings. Where there is no number, there is null. */

const count = z.int().min(0);
const real = z.number().nullable();
const name = z.string().nullable();

function byFigure<T extends z.ZodType>(schema: T): z.ZodObject<Record<LogFigure, T>> {
  return z.object(Object.fromEntries(LOG_FIGURES.map((each) => [each, schema])) as Record<LogFigure, T>);
}

const settings = z
  .object({
    architecture: z.string(),
    model: name,
    data: name,
    column: name,
    site: name,
    activations: name,
    context: real,
    contexts: real,
    bos: z.boolean().nullable(),
    latents: real,
    k: real,
    l1: real,
    embeddingWeight: z.number(),
    residualWeight: z.number(),
    learningRate: real,
    batch: z.number(),
    tokens: z.number(),
    seed: real,
    decoderBias: name,
    scale: z.boolean().nullable(),
    aux: z.boolean().nullable(),
    deadAfter: real,
    resample: real,
    clip: real,
    buffer: real,
  })
  .meta({ id: 'TrainingSettings', description: 'null: not given, so as the training chose it' });

const evaluation = z
  .object({ tokens: real, explainedVariance: real, l0: real, deadShare: real, crossEntropyRecovered: real })
  .meta({ id: 'TrainingEvaluation', description: 'at the end, on text of the training data' });

const training = z
  .object({
    name: z.string().meta({ description: 'its path below the folder that is served' }),
    group: name.meta({ description: 'the folder of its sweep; null where it is alone' }),
    settings,
    steps: count.meta({ description: 'in all' }),
    step: count.meta({ description: 'that the log has come to' }),
    state: z.enum(['training', 'evaluating', 'stopped', 'diverged', 'done']).meta({
      description:
        'stopped: unfinished, and nothing was written for a minute or ten lines, whichever is longer',
    }),
    diverged: name.meta({ description: 'the step, and what was seen; else null' }),
    updated: z.string().meta({ description: 'when something was last written, ISO 8601' }),
    secondsLeft: real,
    epoch: z.string().meta({ description: 'of its log: see /api/trainings/log' }),
    skipped: count.meta({ description: 'lines of the log that could not be read' }),
    last: byFigure(real)
      .extend({ step: count, tokens: count })
      .nullable()
      .meta({ description: 'figures of the last line' }),
    evaluation: evaluation.nullable(),
  })
  .meta({ id: 'Training' });

export const trainingsAnswer = z
  .object({
    folder: z.string(),
    trainings: z.array(training),
    unreadable: z
      .array(z.object({ name: z.string(), reason: z.string() }))
      .meta({ description: 'folders whose run.json is not a training’s' }),
    complete: z.boolean().meta({ description: 'whether all of the folder was looked through' }),
  })
  .meta({ id: 'Trainings' });

export const trainingLogQuery = z.strictObject({
  name: z.string().min(1).max(5000).meta({ description: 'as /api/trainings has it' }),
  after: z
    .preprocess(
      (given) => (typeof given === 'string' && /^\d{1,15}$/.test(given) ? Number(given) : given),
      z.int().min(0).default(0),
    )
    .meta({ description: 'only lines after this step' }),
});

export const trainingLogAnswer = z
  .object({
    name: z.string(),
    epoch: z.string().meta({
      description: 'another than before: lines were taken back or changed, so read all of it again',
    }),
    thinned: z.boolean().meta({ description: 'whether lines were left out, evenly, to give at most 1,000' }),
    cut: z.boolean().meta({ description: 'whether the log is longer than the server reads' }),
    skipped: count.meta({ description: 'lines that could not be read' }),
    step: z.array(count),
    tokens: z.array(count),
    figures: byFigure(z.array(real)).meta({ description: 'columns, four significant digits' }),
  })
  .meta({ id: 'TrainingLog' });

export type TrainingsAnswer = z.output<typeof trainingsAnswer>;
export type TrainingAnswer = z.output<typeof training>;
export type TrainingSettings = z.output<typeof settings>;
export type TrainingEvaluation = z.output<typeof evaluation>;
export type TrainingLogAnswer = z.output<typeof trainingLogAnswer>;
