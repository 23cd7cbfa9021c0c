import * as z from 'zod';
import { linkageMethods } from '../cluster/linkage.ts';
import { PolysemeError } from '../errors.ts';

const whole = (least: number): z.ZodInt => z.int().min(least);

/** The options of a run, with their defaults: the one table that the library, the command line and a study share. */
export const runOptions = z.strictObject({
  /** A folder, a hub id (`openai-community/gpt2`), or `builtin:folio-5m`. */
  model: z.string().min(1).default('builtin:folio-5m'),
  /** A file, a folder, a glob, `hf:owner/name[@revision][:config[:split]]`, or `builtin:sotu`. */
  data: z.string().min(1).default('builtin:sotu'),
  /** The study's file. */
  out: z.string().min(1).default('study.db'),
  /** Layers whose neurons are harvested; default all, none where the list is empty. */
  layers: z.array(whole(0)).optional(),
  /** SAEs whose latents are harvested, each `[NAME=]PATH`: a folder, a weights file or `hf:owner/name[@revision][:path]`. */
  sae: z.array(z.string().min(1)).optional(),
  /** Give SAEs x − mean(x) at residual, attn_out and mlp_out sites; `auto`: those whose config asks for it. */
  centerWriting: z.enum(['auto', 'yes', 'no']).default('auto'),
  /** Tokens of a context, BOS counted; default 128, or the model's context where that is shorter. */
  context: whole(2).optional(),
  /** Contexts, spread evenly over the documents by `seed` (of a stream: the first); default all. */
  contexts: whole(1).optional(),
  /** Begin each context with BOS; `auto`: what the SAEs were made with, else what the tokenizer does by itself. */
  bos: z.enum(['auto', 'yes', 'no']).default('auto'),
  /** Column of the text in JSONL, CSV and Parquet. */
  column: z.string().min(1).default('text'),
  /** How a unit's examples are chosen. */
  select: z.enum(['top', 'fraction', 'quantiles', 'random']).default('top'),
  /** Most examples a unit. */
  examples: whole(1).max(100_000).default(64),
  /** `fraction`: share of its maximum that an activation must reach. */
  fraction: z.number().gt(0).max(1).default(0.75),
  /** Which activations count. */
  sign: z.enum(['positive', 'negative', 'absolute']).default('positive'),
  /** Take every activating position of a context, not only the unit's largest. */
  everyPosition: z.boolean().default(false),
  linkage: z.enum(linkageMethods as [string, ...string[]]).default('average'),
  /** Distance at which the dendrogram is cut into features. */
  threshold: z.number().min(0).max(2).default(0.5),
  layernorm: z.enum(['raw', 'folded']).default('raw'),
  gated: z.enum(['gradient', 'gate', 'up']).default('gradient'),
  seed: whole(0)
    .max(2 ** 32 - 1)
    .default(0),
  /** Default: all cores. The study does not depend on it. */
  threads: whole(1).max(1024).optional(),
  /** Layers harvested together; fewer need less memory and more passes over the corpus. Default: all. */
  layersAtOnce: whole(1).optional(),
  /** Replace a study that is there. */
  overwrite: z.boolean().default(false),
});

export type RunOptions = z.input<typeof runOptions>;
export type ResolvedRunOptions = z.output<typeof runOptions>;

/** Options that the content of a study depends on, apart from model and data. */
export const CONTENT_OPTIONS = [
  'layers',
  'context',
  'contexts',
  'bos',
  'column',
  'select',
  'examples',
  'fraction',
  'sign',
  'everyPosition',
  'linkage',
  'threshold',
  'layernorm',
  'gated',
  'seed',
] as const satisfies readonly (keyof ResolvedRunOptions)[];

/** Checks options and fills in defaults; a bad one is an error that names it and its value. */
export function parseRunOptions(options: RunOptions): ResolvedRunOptions {
  const parsed = runOptions.safeParse(options);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const name = issue!.path.join('.');
  const value = issue!.path.reduce<unknown>(
    (at, key) => (at as Record<PropertyKey, unknown>)?.[key],
    options,
  );
  throw new PolysemeError(
    name === '' ? issue!.message : `option ${name} is ${JSON.stringify(value)}: ${issue!.message}`,
  );
}
