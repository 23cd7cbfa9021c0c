import * as z from 'zod';
import { PolysemeError } from '../errors.ts';

const whole = (least: number) => z.int().min(least);
const list = (value: z.ZodNumber) => z.array(value).min(1).max(64);

/** The options of a training, with their defaults: the one table that the library and the command line share. */
export const saeTrainOptions = z.strictObject({
  /** A folder, a hub id or `builtin:folio-5m`; with `activations`: must be the cache's, default the cache's. */
  model: z.string().min(1).optional(),
  data: z.string().min(1).optional(),
  /** The site that it reads, e.g. `blocks.2.hook_resid_post`. */
  site: z.string().min(1).optional(),
  /** A folder that `sae cache` wrote: train from it instead of running the model. */
  activations: z.string().min(1).optional(),
  column: z.string().min(1).default('text'),
  /** Tokens of a context, BOS counted; default 128, or the model's context where that is shorter. */
  context: whole(2).optional(),
  /** So many contexts, spread over the documents by `seed`, again and again; default all, in corpus order. */
  contexts: whole(1).optional(),
  bos: z.enum(['auto', 'yes', 'no']).default('auto'),
  /** The folder: of the SAE, or of a folder each where there are several. */
  out: z.string().min(1).default('sae'),
  architecture: z.enum(['relu', 'topk', 'batchtopk', 'jumprelu', 'matryoshka']).default('topk'),
  /** Default 8 times the width of the site. */
  latents: whole(1).optional(),
  /** Weights of the sparsity: relu and jumprelu. Several make a sweep. Default relu 3, jumprelu 0.5. */
  l1: list(z.number().min(0)).optional(),
  /** Active latents a token: the top-k kinds. Several make a sweep. Default 32. */
  k: list(z.number().gt(0)).optional(),
  /** Weights γ of L_N. Several make a sweep. */
  embeddingWeight: list(z.number().min(0)).default([0]),
  /** Vectors to train on, rounded up to whole batches; the corpus is read again where it is shorter. */
  tokens: whole(1).default(2_000_000),
  batch: whole(1).max(1_000_000).default(2048),
  /** Default 2e-3 · √(2048 / latents), at most 2e-3. */
  learningRate: z.number().gt(0).optional(),
  seed: whole(0)
    .max(2 ** 32 - 1)
    .default(0),
  /** Vectors that are mixed; default 256 MB of them, at most an eighth of memory. */
  buffer: whole(1).optional(),
  /** Largest norm of the gradient; 0: no clipping. */
  clip: z.number().min(0).default(0),
  /** Scale inputs to a mean norm of √d. */
  scale: z.boolean().default(true),
  decoderBias: z.enum(['zeros', 'mean', 'geometric-median']).default('geometric-median'),
  /** The auxiliary loss of dead latents (top-k kinds). */
  aux: z.boolean().default(true),
  /** Vectors without activation after which a latent is dead; default a tenth of `tokens`, at most 10⁷. */
  deadAfter: whole(1).max(4_000_000_000).optional(),
  /** Give dead latents new weights every so many steps; 0: never. */
  resample: whole(0).default(0),
  /** Tokens of the evaluation at the end; 0: none. */
  evalTokens: whole(0).default(50_000),
  /** Steps a line of the log. */
  logEvery: whole(1).default(10),
  /** Default: all cores. The SAE does not depend on it. */
  threads: whole(1).max(256).optional(),
});

export type SaeTrainOptions = z.input<typeof saeTrainOptions>;
export type ResolvedSaeTrainOptions = z.output<typeof saeTrainOptions>;

/** Options that change neither weights nor log: they may differ when a run goes on. */
export const FREE_OPTIONS: readonly (keyof ResolvedSaeTrainOptions)[] = ['out', 'threads', 'evalTokens'];

/** Checks options and fills in defaults; a bad one is an error that names it and its value. */
export function parseSaeTrainOptions(options: SaeTrainOptions): ResolvedSaeTrainOptions {
  const parsed = saeTrainOptions.safeParse(options);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const [name] = issue!.path;
    if (name === undefined) throw new PolysemeError(issue!.message);
    const value = options[name as keyof SaeTrainOptions];
    throw new PolysemeError(`option ${String(name)} is ${JSON.stringify(value)}: ${issue!.message}`);
  }
  const { data: found } = parsed;
  const topK = ['topk', 'batchtopk', 'matryoshka'].includes(found.architecture);
  const [given, other] = topK ? (['l1', 'k'] as const) : (['k', 'l1'] as const);
  if (found[given] !== undefined) {
    throw new PolysemeError(
      `option ${given} does not belong to ${found.architecture}, whose sparsity is set by ${other}: leave it out`,
    );
  }
  if (found.activations === undefined && found.site === undefined) {
    throw new PolysemeError('no site: name the one to train on, e.g. blocks.2.hook_resid_post');
  }
  return found;
}

/** One SAE of a sweep: its name tells it from the others. */
export interface SweepMember {
  /** Empty where there is but one. */
  readonly name: string;
  readonly l1: number;
  readonly k: number | undefined;
  readonly embeddingWeight: number;
}

/** Every combination of the values of l1, k and embeddingWeight. */
export function sweep(
  options: Pick<ResolvedSaeTrainOptions, 'architecture' | 'l1' | 'k' | 'embeddingWeight'>,
): SweepMember[] {
  const { architecture, embeddingWeight: weights } = options;
  const topK = ['topk', 'batchtopk', 'matryoshka'].includes(architecture);
  const l1s = topK ? [0] : (options.l1 ?? [architecture === 'jumprelu' ? 0.5 : 3]);
  const ks = topK ? (options.k ?? [32]) : [undefined];
  const members = l1s.flatMap((l1) =>
    ks.flatMap((k) =>
      weights.map((embeddingWeight) => {
        const parts = [
          ...(l1s.length > 1 ? [`l1-${l1}`] : []),
          ...(ks.length > 1 ? [`k-${k}`] : []),
          ...(weights.length > 1 ? [`embedding-${embeddingWeight}`] : []),
        ];
        return { name: parts.join('_'), l1, k, embeddingWeight };
      }),
    ),
  );
  const twice = members.find(({ name }, i) => members.findIndex((member) => member.name === name) !== i);
  if (twice !== undefined) throw new PolysemeError(`the sweep has ${twice.name} twice`);
  return members;
}
