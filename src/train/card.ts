import { join } from 'node:path';
import type { ActivationOrigin } from '../activations/activation-source.ts';
import { writeWhole } from '../base/files.ts';
import type { SaeEvaluation } from '../evaluate/result.ts';
import type { SaeStep } from '../sae/trainer/step.ts';
import type { SaeTrainerSettings } from '../sae/trainer/trainer-options.ts';

/** What the card says beside the SAE itself. */
export interface CardFacts {
  readonly origin: ActivationOrigin;
  readonly settings: Readonly<SaeTrainerSettings>;
  readonly batch: number;
  readonly steps: number;
  readonly buffer: number;
  /** Passes over the data that were begun. */
  readonly epochs: number;
  readonly last: SaeStep;
  readonly evaluation: SaeEvaluation | null;
  /** Why there is no evaluation. */
  readonly note: string | null;
}

/** Writes the card, README.md. */
export async function writeCard(dir: string, facts: CardFacts): Promise<void> {
  await writeWhole(join(dir, 'README.md'), [card(facts)]);
}

function card({
  origin,
  settings: s,
  batch,
  steps,
  buffer,
  epochs,
  last,
  evaluation,
  note,
}: CardFacts): string {
  const rows = (entries: readonly (readonly [string, string | number])[]) =>
    ['| | |', '| --- | --- |', ...entries.map(([name, value]) => `| ${name} | ${value} |`)].join('\n');
  const sparsity = s.k > 0 ? `k = ${s.k}` : `λ = ${s.l1}`;
  return `# Sparse autoencoder of ${origin.site}

Trained by Polyseme (\`polyseme sae train\`) on activations of **${origin.model}**${origin.device === undefined ? '' : ` (run on ${origin.device})`}; files in SAELens's format.

${rows([
  ['architecture', `${s.architecture}, ${s.width} → ${s.latents} latents`],
  ['sparsity', sparsity],
  ['weight of L_N (neuron embeddings)', s.embeddingWeight],
  ['weight of L_R (residual alignment)', residualWeight(s.residualWeight)],
  ['data', `${origin.data}, contexts of ${origin.context} tokens${origin.bos ? ' with BOS' : ''}`],
  [
    'trained on',
    `${steps * batch} vectors: ${steps} steps of ${batch}; ${epochs} pass(es) over the data begun`,
  ],
  ['mixed through', `a buffer of ${buffer} vectors`],
  [
    'learning rate',
    `${s.learningRate}, warm-up ${s.learningRateWarmup} steps, decay over the last ${s.learningRateDecay}`,
  ],
  ['warm-up of λ, γ', `${s.sparsityWarmup}, ${s.embeddingWarmup} steps`],
  ['gradient clipping', s.clipNorm > 0 ? s.clipNorm : 'none'],
  ['b_dec at the start', s.decoderBias],
  [
    'input scale',
    s.inputScale === 'sqrt-d'
      ? 'to a mean norm of √d in training; folded into the saved weights'
      : s.inputScale,
  ],
  [
    'auxiliary loss',
    s.auxK > 0 ? `${s.auxK} dead latents, weight ${s.auxWeight}; dead after ${s.deadAfter} vectors` : 'none',
  ],
  ['seed', s.seed],
])}

## Evaluation

${
  evaluation === null
    ? `None was made (${note ?? 'not asked for'}). The last training batch of ${batch} vectors:\n\n${rows([
        ['variance explained', figure(last.explainedVariance)],
        ['L0', figure(last.l0)],
        ['dead latents', last.dead],
      ])}`
    : `On ${evaluation.contexts} contexts of ${evaluation.data}, drawn with seed ${evaluation.seed}: text of the training data itself, not held out.

| | | tokens |
| --- | --- | --- |
| variance explained, pooled | ${figure(evaluation.reconstruction.explainedVariance)} | ${evaluation.reconstruction.tokens} |
| L0 | ${figure(evaluation.sparsity.l0)} | ${evaluation.sparsity.tokens} |
| latents that no token activates | ${figure(evaluation.sparsity.deadShare)} | ${evaluation.sparsity.tokens} |
| cross-entropy: clean, with SAE, ablated | ${figure(evaluation.crossEntropy.clean)}, ${figure(evaluation.crossEntropy.withSae)}, ${figure(evaluation.crossEntropy.ablated)} | ${evaluation.crossEntropy.tokens} |
| cross-entropy recovered | ${figure(evaluation.crossEntropy.recovered)} | ${evaluation.crossEntropy.tokens} |`
}

## Limits

Its latents are what this loss found on this data; nothing here shows that a latent is one concept, or that a concept has
one latent. Activations of other data, other context lengths, or positions of special tokens (left out in training) may be
reconstructed worse. Polysemy of its latents beside the model's neurons: \`polyseme sae eval\`.
`;
}

/** The weight, and at which weights L_R was found to hold. */
function residualWeight(weight: number): string {
  if (weight === 0) return '0';
  return `${weight} · mean ‖x‖² (in Polyseme's benchmark 0.016 helped, 0.047 on data of known structure only, and 0.14 broke SAEs of folio-5m)`;
}

function figure(value: number | null): string {
  return value === null ? '–' : String(Number(value.toPrecision(4)));
}
