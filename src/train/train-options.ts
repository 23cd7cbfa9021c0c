import * as z from 'zod';
import { PolysemeError, UsageError } from '../errors.ts';
import { textOptions, whole } from '../model/text-options.ts';

const list = (value: z.ZodNumber) => z.array(value).min(1).max(64);
const { model, ropeLayout, data, column, context, contexts, bos, seed, device } = textOptions;

/**
 * The options of a training, with their defaults: the one table that the library and the command line share. The text
 * of each option is in its `.meta()`.
 */
export const saeTrainOptions = z.strictObject({
  model: model
    .unwrap()
    .optional()
    .meta({ ...model.meta(), fallback: 'builtin:folio-5m, or the model of --activations' }),
  ropeLayout,
  data: data
    .unwrap()
    .optional()
    .meta({ ...data.meta(), fallback: 'builtin:sotu' }),
  site: z.string().min(1).optional().meta({
    description: 'the site of the model to train on, e.g. blocks.2.hook_resid_post or blocks.2.mlp.hook_in',
    value: 'SITE',
  }),
  activations: z.string().min(1).optional().meta({
    description:
      'train from a folder that sae cache wrote, instead of running the model; replaces --data and --site',
    value: 'DIR',
  }),
  column,
  context,
  contexts,
  bos,
  out: z.string().min(1).default('sae').meta({
    description: 'the folder of the SAE; of a sweep, the folder that holds one folder per SAE',
    value: 'DIR',
  }),
  architecture: z
    .enum(['relu', 'topk', 'batchtopk', 'jumprelu', 'matryoshka'])
    .default('topk')
    .meta({
      description:
        'relu: an L1 penalty; topk: k active latents per token; batchtopk: k on average over a batch; jumprelu: one ' +
        'learned threshold per latent; matryoshka: batchtopk in nested groups',
      value: 'A',
    }),
  latents: whole(1).optional().meta({
    description: 'number of latents; more give finer features and take longer',
    fallback: '8 times the width of the site',
  }),
  l1: list(z.number().min(0)).optional().meta({
    description:
      'λ, the weight of the sparsity, for relu and jumprelu; larger: fewer active latents; several make a sweep',
    value: 'LIST',
    fallback: '3; 0.5 for jumprelu',
  }),
  k: list(z.number().gt(0)).optional().meta({
    description: 'active latents per token, for topk, batchtopk and matryoshka; several make a sweep',
    value: 'LIST',
    fallback: '32',
  }),
  embeddingWeight: list(z.number().min(0))
    .default([0])
    .meta({
      description:
        'γ, the weight of L_N; larger: the neuron embeddings of one latent are more alike and less variance is ' +
        'explained; several make a sweep',
      value: 'LIST',
    }),
  residualWeight: list(z.number().min(0))
    .default([0])
    .meta({
      description:
        'weight of L_R (residual alignment), in units of mean ‖x‖²: each latent’s decoder row points to what the other ' +
        'latents leave of the input; helped at 0.016; at 0.047 on data of known structure, but cost folio-5m 0.06 of the variance ' +
        'explained; broke SAEs of it at 0.14; several make a sweep',
      value: 'LIST',
    }),
  tokens: whole(1).default(2_000_000).meta({
    description: 'tokens to train on, rounded up to whole batches; the data is read again if it is shorter',
  }),
  batch: whole(1).max(1_000_000).default(2048).meta({
    description: 'tokens per step; fewer: more steps, slower',
  }),
  learningRate: z.number().gt(0).optional().meta({
    description: 'the step size of Adam',
    value: 'R',
    fallback: '2e-3 · √(2048 / latents), at most 2e-3',
  }),
  seed,
  buffer: whole(1).optional().meta({
    description: 'activations held in memory and mixed',
    fallback: '256 MB of them, at most an eighth of memory',
  }),
  clip: z.number().min(0).default(0).meta({
    description: 'scale gradients of a larger norm down to this norm; 0: never',
    value: 'NORM',
  }),
  scale: z.boolean().default(true).meta({
    description: 'do not scale inputs to a mean norm of √d (scaled, λ and γ mean the same at every site)',
  }),
  decoderBias: z.enum(['zeros', 'mean', 'geometric-median']).default('geometric-median').meta({
    description: 'where b_dec starts: at zero, or at the mean or the geometric median of the first batch',
    value: 'HOW',
  }),
  aux: z.boolean().default(true).meta({
    description: 'train topk, batchtopk and matryoshka without the auxiliary loss that revives dead latents',
  }),
  deadAfter: whole(1).max(4_000_000_000).optional().meta({
    description: 'tokens without an activation after which a latent counts as dead',
    fallback: 'a tenth of --tokens, at most 10⁷',
  }),
  resample: whole(0).default(0).meta({
    description: 'give dead latents new weights after every so many steps; 0: never',
    value: 'STEPS',
  }),
  evalTokens: whole(0).default(50_000).meta({ description: 'tokens of the evaluation at the end; 0: none' }),
  logEvery: whole(1).default(10).meta({ description: 'steps per line of log.jsonl', value: 'STEPS' }),
  device: device.meta({
    ...device.meta(),
    description:
      'where the model runs, and with webgpu (auto: if it can) the steps of a topk SAE, too: the processor, or a GPU through ' +
      'WebGPU or CUDA (docs/training.md); auto: the best that is there and computes right',
  }),
  threads: whole(1)
    .max(256)
    .optional()
    .meta({ ...textOptions.threads.meta() }),
});

export type SaeTrainOptions = z.input<typeof saeTrainOptions>;
export type ResolvedSaeTrainOptions = z.output<typeof saeTrainOptions>;

/** Options that change neither weights nor log, or stand in the origin of the activations: they may differ when a run goes on. */
export const FREE_OPTIONS: readonly (keyof ResolvedSaeTrainOptions)[] = [
  'out',
  'device',
  'threads',
  'evalTokens',
];

/** Checks options and fills in defaults; a bad one is an error that names it and its value. */
export function parseSaeTrainOptions(options: SaeTrainOptions): ResolvedSaeTrainOptions {
  const parsed = saeTrainOptions.safeParse(options);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const [name] = issue!.path;
    if (name === undefined) throw new UsageError(issue!.message);
    const value = options[name as keyof SaeTrainOptions];
    throw new UsageError(`option ${String(name)} is ${JSON.stringify(value)}: ${issue!.message}`);
  }
  const { data: resolved } = parsed;
  const topK = ['topk', 'batchtopk', 'matryoshka'].includes(resolved.architecture);
  const [given, other] = topK ? (['l1', 'k'] as const) : (['k', 'l1'] as const);
  if (resolved[given] !== undefined) {
    throw new UsageError(
      `option ${given} does not belong to ${resolved.architecture}, whose sparsity is set by ${other}: leave it out`,
    );
  }
  if (resolved.activations === undefined && resolved.site === undefined) {
    throw new UsageError('no site: name the one to train on, e.g. blocks.2.hook_resid_post');
  }
  return resolved;
}

/** One SAE of a sweep: its name tells it from the others. */
export interface SweepMember {
  /** Empty where there is but one. */
  readonly name: string;
  readonly l1: number;
  readonly k: number | undefined;
  readonly embeddingWeight: number;
  readonly residualWeight: number;
}

/** Every combination of the values of l1, k, embeddingWeight and residualWeight. */
export function sweep(
  options: Pick<ResolvedSaeTrainOptions, 'architecture' | 'l1' | 'k' | 'embeddingWeight' | 'residualWeight'>,
): SweepMember[] {
  const { architecture, embeddingWeight: embeddings, residualWeight: residuals } = options;
  const topK = ['topk', 'batchtopk', 'matryoshka'].includes(architecture);
  const l1s = topK ? [0] : (options.l1 ?? [architecture === 'jumprelu' ? 0.5 : 3]);
  const ks = topK ? (options.k ?? [32]) : [undefined];
  const members = l1s.flatMap((l1) =>
    ks.flatMap((k) =>
      embeddings.flatMap((embeddingWeight) =>
        residuals.map((residualWeight) => {
          const parts = [
            ...(l1s.length > 1 ? [`l1-${l1}`] : []),
            ...(ks.length > 1 ? [`k-${k}`] : []),
            ...(embeddings.length > 1 ? [`embedding-${embeddingWeight}`] : []),
            ...(residuals.length > 1 ? [`residual-${residualWeight}`] : []),
          ];
          return { name: parts.join('_'), l1, k, embeddingWeight, residualWeight };
        }),
      ),
    ),
  );
  const twice = members.find(({ name }, i) => members.findIndex((member) => member.name === name) !== i);
  if (twice !== undefined) throw new PolysemeError(`the sweep has ${twice.name} twice`, 'damaged');
  return members;
}
