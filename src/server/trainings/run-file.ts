import { open } from 'node:fs/promises';
import * as z from 'zod';
import type { TrainingEvaluation, TrainingSettings } from '../../contract/trainings.ts';
import { PolysemeError } from '../../errors.ts';
import { MOST_BYTES } from '../../train/run-file.ts';
import { type SweepMember, saeTrainOptions, sweep } from '../../train/train-options.ts';
import { READ } from './log-file.ts';

/** SAEs of a sweep. */
const MEMBERS = 128;
/** Characters of a setting that is text. */
const TEXT = 300;

/** A training as its run.json describes it. */
export interface Run {
  readonly settings: Omit<TrainingSettings, 'l1' | 'k' | 'embeddingWeight'>;
  readonly members: readonly SweepMember[];
  readonly steps: number;
  readonly logEvery: number;
  /** By the names of the members; null while it is unfinished. */
  readonly evaluations: ReadonlyMap<string, TrainingEvaluation | null> | null;
  /** Where and how it diverged. */
  readonly diverged: string | null;
}

const { architecture, l1, k, embeddingWeight, tokens, batch } = saeTrainOptions.shape;

/** What a training cannot be without; whatever else is not as it should be counts as not said. */
const options = z.object({
  architecture: architecture.unwrap(),
  l1,
  k,
  embeddingWeight: embeddingWeight.unwrap(),
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

const runFile = z.object({
  version: z.literal(1),
  options,
  result: z.array(z.object({ name: z.string(), evaluation: evaluation.nullable().catch(null) })).nullable(),
  diverged: text().nullish().catch(null),
});

/**
 * Reads a run.json.
 * @throws PolysemeError where it is no training's, or too large, or a sweep of too many SAEs
 */
export async function readRun(path: string): Promise<Run> {
  let found: unknown;
  try {
    found = JSON.parse(await readText(path));
  } catch (error) {
    if (error instanceof PolysemeError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new PolysemeError(
      code === undefined ? `not JSON (${message.slice(0, 100)})` : `not readable (${code})`,
    );
  }
  const parsed = runFile.safeParse(found);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new PolysemeError(`${issue!.path.join('.') || 'the whole'}: ${issue!.message}`);
  }
  const { options: settings, result, diverged = null } = parsed.data;
  const { l1: l1s, k: ks, embeddingWeight: weights, logEvery, ...rest } = settings;
  const count = (l1s?.length ?? 1) * (ks?.length ?? 1) * weights.length;
  if (count > MEMBERS) throw new PolysemeError(`a sweep of ${count} SAEs; at most ${MEMBERS} are shown`);
  return {
    settings: rest,
    members: sweep(settings),
    steps: Math.ceil(rest.tokens / rest.batch),
    logEvery: logEvery ?? 10,
    evaluations: result === null ? null : new Map(result.map((member) => [member.name, member.evaluation])),
    diverged,
  };
}

async function readText(path: string): Promise<string> {
  const file = await open(path, READ);
  try {
    const { size } = await file.stat();
    if (size > MOST_BYTES) throw new PolysemeError(`${size} bytes are more than the ${MOST_BYTES} allowed`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
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
