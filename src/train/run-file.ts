import { join } from 'node:path';
import * as z from 'zod';
import { writeWhole } from '../base/files.ts';
import { readJsonObject } from '../base/json-file.ts';
import type { ReadFileOptions } from '../base/read-file.ts';
import { PolysemeError } from '../errors.ts';
import type { SaeEvaluation } from '../evaluate/result.ts';
import type { SaeStep } from '../sae/trainer/step.ts';
import { FREE_OPTIONS, type ResolvedSaeTrainOptions } from './train-options.ts';
import type { TrainingSource } from './training-source.ts';

/** A trained SAE. */
export interface TrainedSae {
  /** What tells it from the others of a sweep; empty where there is but one. */
  readonly name: string;
  readonly dir: string;
  readonly steps: number;
  readonly tokens: number;
  /** Figures of the last step. */
  readonly last: SaeStep;
  readonly evaluation: SaeEvaluation | null;
}

/** What is kept of a run in its folder, to go on with it. */
export interface RunFile {
  readonly version: 1;
  readonly options: Record<string, unknown>;
  readonly result: readonly TrainedSae[] | null;
  /** Where it diverged: the step and what was seen. The same command would do so again. */
  readonly diverged?: string;
}

/** Its name in the folder of a training. */
export const RUN = 'run.json';
/** Bytes of a run.json: some 4 KB per SAE with its evaluation. */
const MOST_BYTES = 8 << 20;

const runFile = z.object({
  version: z.literal(1),
  options: z.record(z.string(), z.unknown()),
  result: z
    .array(
      z.looseObject({
        name: z.string(),
        dir: z.string(),
        steps: z.number(),
        tokens: z.number(),
        last: z.looseObject({}),
      }),
    )
    .nullable(),
  diverged: z.string().optional(),
});

/** A run.json as anybody may have written it: options and evaluations are still to be looked at. */
export type FoundRun = z.output<typeof runFile>;

/**
 * Reads a run.json, for training to go on and for the explorer to show.
 * @throws PolysemeError where there is none (not-found), or it is no run.json, or too large (damaged)
 */
export async function readRunFile(path: string, options: ReadFileOptions = {}): Promise<FoundRun> {
  const { label = path } = options;
  const found = runFile.safeParse(await readJsonObject(path, MOST_BYTES, options));
  if (found.success) return found.data;
  throw new PolysemeError(`${label} is no training's (${firstIssue(found.error)})`, 'damaged');
}

/** What zod found first, and where. */
export function firstIssue(error: z.ZodError): string {
  const [issue] = error.issues;
  return `${issue!.path.join('.') || 'the whole'}: ${issue!.message}`;
}

/** What the weights and the log depend on. */
export function runOptions(
  options: ResolvedSaeTrainOptions,
  { source }: TrainingSource,
): Record<string, unknown> {
  const kept = Object.entries(options).filter(
    ([name, value]) =>
      value !== undefined &&
      !FREE_OPTIONS.includes(name as keyof ResolvedSaeTrainOptions) &&
      name !== 'model',
  );
  return { ...Object.fromEntries(kept), ...source.origin, contexts: source.origin.contexts ?? undefined };
}

/**
 * The run in a folder; null where there is none.
 * @throws PolysemeError where it is damaged, of other options, or diverged
 */
export async function readRun(out: string, asked: Record<string, unknown>): Promise<RunFile | null> {
  let run: FoundRun;
  try {
    run = await readRunFile(join(out, RUN));
  } catch (error) {
    const { code, message } = error as PolysemeError;
    if (code === 'not-found') return null;
    if (code !== 'damaged') throw error;
    throw new PolysemeError(`${message}: delete the folder to start again`, 'damaged');
  }
  const differences = [...new Set([...Object.keys(asked), ...Object.keys(run.options)])].flatMap((name) => {
    const [before, now] = [run.options[name] ?? OLDER[name], asked[name]].map((value) =>
      JSON.stringify(value),
    );
    return before === now ? [] : [`${name} ${before ?? 'default'} there, ${now ?? 'default'} asked`];
  });
  if (differences.length > 0) {
    throw new PolysemeError(
      `${out} is a training with other options (${differences.slice(0, 4).join('; ')}): choose another output (option out), or delete it`,
      'exists',
    );
  }
  if (run.diverged !== undefined) {
    throw new PolysemeError(
      `${out}: this training diverged in ${run.diverged}; the same command would again: give a lower learning rate or ` +
        'clip gradients, with another output (option out), or delete the folder',
      'diverged',
    );
  }
  return run as unknown as RunFile;
}

/** Options that older trainings don't know, with what they did. */
const OLDER: Record<string, unknown> = { residualWeight: [0] };

/** Writes it whole or not at all. */
export async function writeRun(out: string, run: RunFile): Promise<void> {
  await writeWhole(join(out, RUN), [`${JSON.stringify(run, null, 2)}\n`]);
}
