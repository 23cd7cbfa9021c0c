import * as z from 'zod';
import { linkageMethods } from '../cluster/linkage-methods.ts';
import { PolysemeError, UsageError } from '../errors.ts';
import { featureRules } from '../features/labeling.ts';
import { textOptions, whole } from '../model/text-options.ts';
import { PAPER } from './settings.ts';

/**
 * The options of a run, with their defaults: the one table that the library, the command line and a study share.
 * The text of each option is in its `.meta()`.
 */
export const runOptions = z.strictObject({
  model: textOptions.model,
  ropeLayout: textOptions.ropeLayout,
  data: textOptions.data.meta({
    description:
      'the text: a file, a folder or a glob of .txt, .jsonl, .csv (each also .gz) and .parquet, ' +
      'hf:owner/name[@revision][:config[:split]], or builtin:sotu; for a model of images (docs/images.md) idx files, ' +
      'folders of .png, .jpg and .webp, image columns of .parquet, hf:…, or builtin:digits',
    value: 'D',
  }),
  activations: z.string().min(1).optional().meta({
    description:
      'in place of a model and data: a folder of activations that you computed (docs/own-activations.md)',
    value: 'DIR',
  }),
  out: z.string().min(1).default('study.db').meta({ description: 'the file of the study', value: 'FILE' }),
  layers: z.array(whole(0)).optional().meta({
    description: 'layers whose MLP neurons are studied, e.g. 0,2-5, or none',
    value: 'LIST',
    fallback: 'all',
  }),
  sae: z
    .array(z.string().min(1))
    .optional()
    .meta({
      description:
        'study the latents of this SAE too: [NAME=] and a folder, a weights file or hf:owner/name[@revision][:path]; ' +
        'may be given several times',
      value: 'PATH',
    }),
  centerWriting: z.enum(['auto', 'yes', 'no']).default('auto').meta({
    description:
      'give SAEs x − mean(x) where they read the residual stream, attn_out or mlp_out; auto: if their config asks for it',
    value: 'WHEN',
  }),
  context: textOptions.context,
  contexts: textOptions.contexts,
  bos: textOptions.bos,
  column: textOptions.column.meta({
    description:
      'the column that holds the text in JSONL, CSV and Parquet; a list of strings is joined by newlines; of images: ' +
      'the column of the images in Parquet, or of the labels in a folder’s CSV',
    value: 'NAME',
  }),
  select: z
    .enum(['top', 'fraction', 'quantiles', 'random'])
    .default('top')
    .meta({
      description:
        'how a unit’s examples are chosen; top: the largest activations; fraction: evenly from those above --fraction ' +
        'of the maximum; quantiles: evenly from ten bands; random: at random',
      value: 'HOW',
    }),
  examples: whole(1).max(100_000).default(64).meta({ description: 'examples per unit, at most' }),
  fraction: z.number().gt(0).max(1).default(0.75).meta({
    description: 'with --select fraction: the share of its maximum that an activation must reach',
    value: 'F',
  }),
  sign: z.enum(['positive', 'negative', 'absolute']).default('positive').meta({
    description: 'which activations count',
    value: 'S',
  }),
  everyPosition: z.boolean().default(false).meta({
    description: 'take every activating position of a context, not only the largest',
  }),
  keepDuplicates: z.boolean().default(false).meta({
    description:
      'read documents again whose text came before, and let a unit have examples whose 32 tokens up to the peak are equal',
  }),
  sinkMultiple: z.number().min(0).default(10).meta({
    description:
      'positions where the stream that a bank reads is longer than so many times the median (attention sinks) are no examples; 0: all may be',
    value: 'N',
  }),
  linkage: z.enum(linkageMethods).default('average').meta({
    description: 'the linkage of the hierarchical clustering',
    value: 'L',
  }),
  threshold: z.number().min(0).max(2).default(0.5).meta({
    description: 'the distance at which the dendrogram is cut into features',
    value: 'T',
  }),
  center: z.enum(['mean', 'none']).default('mean').meta({
    description:
      'mean: embeddings of h less its mean over the text, so that unrelated inputs lie 1 apart; none: of h (the paper)',
    value: 'C',
  }),
  features: z.enum(featureRules).default('auto').meta({
    description:
      'what a feature is: auto, the best split by its silhouette; cut, a cluster at the threshold (the paper)',
    value: 'F',
  }),
  layernorm: z.enum(['raw', 'folded']).default('raw').meta({
    description: 'raw: h with γ and β; folded: γ and β folded into the weights, as TransformerLens does',
    value: 'L',
  }),
  gated: z.enum(['gradient', 'gate', 'up']).default('gradient').meta({
    description:
      'gated MLPs: multiply h by the gradient of the activation, or by the gate’s or the up weights',
    value: 'G',
  }),
  paper: z.boolean().default(false).meta({
    description:
      'the paper’s settings: --select fraction --fraction 0.75 --center none --features cut --linkage average --threshold 0.5 --keep-duplicates --sink-multiple 0',
  }),
  seed: textOptions.seed,
  device: textOptions.device,
  threads: textOptions.threads,
  layersAtOnce: whole(1).optional().meta({
    description: 'layers harvested together; fewer need less memory and more passes over the text',
    fallback: 'all',
  }),
  weightsAtOnce: textOptions.weightsAtOnce,
  keepText: z.number().min(0).max(100_000).default(64).meta({
    description:
      'keep the whole text of the documents that examples lie in, to be read around them, if it is so many megabytes or fewer; 0: passages only',
    value: 'MB',
  }),
  overwrite: z
    .boolean()
    .default(false)
    .meta({ description: 'replace a study that was made with other options' }),
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
  'keepDuplicates',
  'sinkMultiple',
  'linkage',
  'threshold',
  'center',
  'features',
  'layernorm',
  'gated',
  'seed',
] as const satisfies readonly (keyof ResolvedRunOptions)[];

/** Options that say how a model runs over a corpus: they mean nothing for activations that are there already. */
const OF_A_MODEL = [
  'model',
  'ropeLayout',
  'device',
  'data',
  'layers',
  'sae',
  'centerWriting',
  'context',
  'contexts',
  'bos',
  'column',
  'layernorm',
  'gated',
  'layersAtOnce',
  'weightsAtOnce',
  'sinkMultiple',
  'keepText',
] as const satisfies readonly (keyof RunOptions)[];

/** Checks options and fills in defaults; a bad one is an error that names it and its value. */
export function parseRunOptions(options: RunOptions): ResolvedRunOptions {
  const parsed = runOptions.safeParse(
    options.paper === true ? { ...options, ...paperSettings(options) } : options,
  );
  if (parsed.success) {
    const unused =
      options.activations === undefined ? [] : OF_A_MODEL.filter((name) => options[name] !== undefined);
    if (unused.length === 0) return parsed.data;
    throw new UsageError(`with activations no model runs: leave out ${unused.join(', ')}`);
  }
  const [issue] = parsed.error.issues;
  const name = issue!.path.join('.');
  const value = issue!.path.reduce<unknown>(
    (at, key) => (at as Record<PropertyKey, unknown>)?.[key],
    options,
  );
  throw new UsageError(
    name === '' ? issue!.message : `option ${name} is ${JSON.stringify(value)}: ${issue!.message}`,
  );
}

/**
 * Reads options that a file holds: what does not parse there is damage, and no wrong usage.
 * @param path the file, as an error names it
 */
export function ofFile<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new PolysemeError(`${path} is damaged: ${error.message}`, 'damaged');
  }
}

/** The paper's settings; an option that says otherwise is an error that names it. */
function paperSettings(options: RunOptions): RunOptions {
  for (const [name, value] of Object.entries(PAPER)) {
    const given = options[name as keyof typeof PAPER];
    if (given === undefined || given === value) continue;
    throw new UsageError(
      `option paper means option ${name} ${value}, but option ${name} is ${JSON.stringify(given)}: leave one of them out`,
    );
  }
  return PAPER;
}
