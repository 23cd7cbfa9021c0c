import * as z from 'zod';
import type { TrainingEvaluation, TrainingSettings } from '../../contract/training-answers.ts';
import { PolysemeError } from '../../errors.ts';
import { firstIssue, readRunFile } from '../../train/run-file.ts';
import { type SweepMember, saeTrainOptions, sweep } from '../../train/train-options.ts';
import { READ } from './log-file.ts';

/** At most this many SAEs of a sweep are shown. */
const MEMBERS = 128;
/** A setting that is text may have this many characters. */
const TEXT = 300;

/** A training as its run.json describes it. */
export interface Run {
  readonly settings: Omit<TrainingSettings, 'l1' | 'k' | 'embeddingWeight' | 'residualWeight'>;
  readonly members: readonly SweepMember[];
  readonly steps: number;
  readonly logEvery: number;
  /** By the names of the members; null while it is unfinished. */
  readonly evaluations: ReadonlyMap<string, TrainingEvaluation | null> | null;
  /** Where and how it diverged. */
  readonly diverged: string | null;
}

const { architecture, l1, k, embeddingWeight, residualWeight, tokens, batch } = saeTrainOptions.shape;

/** What a training cannot be without; whatever else is not as it should be counts as not said. */
const options = z.object({
  architecture: architecture.unwrap(),
  l1,
  k,
  embeddingWeight: embeddingWeight.unwrap(),
  // Older trainings don't know it.
  residualWeight,
  tokens: tokens.unwrap(),
  batch: batch.unwrap(),
  ...optional({
    model: text(),
    data: text(),
    column: text(),
    site: text(),
    activations: text(),
    decoderBias: text(),
    context: z.number(),
    contexts: z.number(),
    latents: z.number(),
    learningRate: z.number(),
    seed: z.number(),
    clip: z.number(),
    buffer: z.number(),
    deadAfter: z.number(),
    resample: z.number(),
    logEvery: z.int().min(1),
    bos: z.boolean(),
    scale: z.boolean(),
    aux: z.boolean(),
  }),
});

const number = z.number().nullable().catch(null);
const evaluation = z
  .object({
    reconstruction: z.object({ tokens: number, explainedVariance: number }),
    sparsity: z.object({ l0: number, deadShare: number }),
    crossEntropy: z.object({ recovered: number }),
  })
  .transform(
    ({ reconstruction, sparsity, crossEntropy }): TrainingEvaluation => ({
      tokens: reconstruction.tokens,
      explainedVariance: reconstruction.explainedVariance,
      l0: sparsity.l0,
      deadShare: sparsity.deadShare,
      crossEntropyRecovered: crossEntropy.recovered,
    }),
  );

const member = z.object({ evaluation: evaluation.nullable().catch(null) });

/**
 * Reads a run.json and what it says of its options and evaluations.
 * @throws PolysemeError where it is no training's, or too large, or a sweep of too many SAEs
 */
export async function readRun(path: string): Promise<Run> {
  const run = await readRunFile(path, { label: 'run.json', flags: READ });
  const parsed = options.safeParse(run.options);
  if (!parsed.success) throw new PolysemeError(`options.${firstIssue(parsed.error)}`, 'damaged');
  const {
    l1: l1s,
    k: ks,
    embeddingWeight: embeddings,
    residualWeight: residuals,
    logEvery,
    ...rest
  } = parsed.data;
  const count = (l1s?.length ?? 1) * (ks?.length ?? 1) * embeddings.length * residuals.length;
  if (count > MEMBERS) throw new PolysemeError(`a sweep of ${count} SAEs; at most ${MEMBERS} are shown`);
  return {
    settings: rest,
    members: sweep(parsed.data),
    steps: Math.ceil(rest.tokens / rest.batch),
    logEvery: logEvery ?? 10,
    evaluations:
      run.result && new Map(run.result.map((one) => [one.name, member.parse(one).evaluation] as const)),
    diverged: run.diverged?.slice(0, TEXT) ?? null,
  };
}

function text() {
  return z.string().transform((value) => value.slice(0, TEXT));
}

function optional<T extends Record<string, z.ZodType>>(shape: T) {
  return Object.fromEntries(
    Object.entries(shape).map(([name, type]) => [
      name,
      type
        .nullish()
        .catch(null)
        .transform((v) => v ?? null),
    ]),
  ) as unknown as { [Name in keyof T]: z.ZodType<z.output<T[Name]> | null> };
}
