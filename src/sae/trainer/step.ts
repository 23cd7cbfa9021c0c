import { PolysemeError } from '../../errors.ts';
import { deadLatents, sumBlocks, sumInOrder } from './arrays.ts';
import { onGpu } from './gpu/on-gpu.ts';
import { TOKEN_BLOCK } from './layout.ts';
import { onPool } from './on-pool.ts';
import { adamNumbers, rates } from './schedule.ts';
import type { SaeTrainerCounters } from './state.ts';
import type { StepContext } from './step-context.ts';
import type { SaeTrainerSettings } from './trainer-options.ts';

/** What one step saw, before its update. Terms are unweighted; where a warm-up runs, `loss` has its present weight. */
export interface SaeStep {
  /** Number of steps done, this one included. */
  step: number;
  /**
   * mse + l1·sparsity + embeddingWeight·embedding + residualWeight·(mean ‖x‖²)·residual (+ `nested` for matryoshka,
   * + auxK.weight·auxiliary).
   */
  loss: number;
  /** Mean over the batch of ‖x − x̂‖². */
  mse: number;
  /** Mean over the batch of Σ_j z_j‖W_dec,j‖; for jumprelu of the number of active latents. */
  sparsity: number;
  /** L_N: mean over the batch of Σ_j 1 − cos(h̄_j ⊙ w_j, h ⊙ w_j) over active latents; 0 where not computed. */
  embedding: number;
  /** L_R: mean over the batch of Σ_j 1 − cos(x − x̂ + z_j W_dec,j, W_dec,j) over active latents; 0 where not computed. */
  residual: number;
  /** Active latents per token. */
  l0: number;
  /** Pairs that have a distance: the latent was active in an earlier step. */
  embeddingPairs: number;
  /** L_N per active pair, in [0, 2]; null where it is not computed or nothing is active. */
  meanEmbeddingDistance: number | null;
  /** L_R per active pair, in [0, 2]; null where it is not computed or nothing is active. */
  meanResidualDistance: number | null;
  /** 1 − Σ‖x − x̂‖² / Σ‖x − mean x‖² over the batch; null where all inputs are equal. */
  explainedVariance: number | null;
  /** Latents without activation in the last `deadAfter` tokens, after this step. */
  dead: number;
  /** matryoshka: mean ‖x − x̂‖² of each inner group, in order (the whole is `mse`). */
  nested: number[];
  /** Mean ‖e − ê‖² of the auxiliary loss; 0 where no latent is dead. */
  auxiliary: number;
  /** Global norm of the gradient before clipping; null without `clipNorm`. */
  gradientNorm: number | null;
  learningRate: number;
}

/**
 * One step on the `tokens` inputs that lie in the trainer's memory: forward, losses, gradients, Adam, averages.
 *
 * @param onUpdate called when all that can be refused is behind it: until then nothing that lasts is changed but counters
 * @returns what it saw, or the first input row that is not finite
 * @throws PolysemeError where training diverges, or the pairs do not fit in memory
 */
export async function performStep(
  context: StepContext,
  tokens: number,
  onUpdate: () => void,
): Promise<SaeStep | { badRow: number }> {
  const { layout, pool, settings, counters } = context;
  const weights = setNumbers(context, tokens);
  const badRow = await pool.run('prepare', { tokens });
  if (badRow >= 0) return { badRow };
  const residualWeight = setResidualWeight(context, tokens);
  const dead = settings.auxK > 0 ? deadLatents(layout, settings.deadAfter) : [];
  const hasAux = dead.length > 0;
  const forward = await (context.gpu === null ? onPool : onGpu)(context, tokens, dead);
  const losses = sumLosses(context, tokens, forward.pairs, hasAux);
  checkDivergence(context, losses, weights.learningRate);
  onUpdate();
  const updated = await forward.update();
  updateDecoderBias(context, updated.areFinite, weights.learningRate);
  counters.step++;

  const { measureEmbedding, measureResidual, auxWeight } = settings;
  const { gradientNorm, embeddingPairs } = updated;
  const embedding = updated.embedding / tokens;
  const { mse, nested, sparsity, residual, l0, auxiliary, explainedVariance } = losses;
  return {
    step: counters.step,
    loss:
      nested.reduce((sum, value) => sum + value, mse) +
      weights.l1 * sparsity +
      weights.embeddingWeight * embedding +
      residualWeight * residual +
      auxWeight * auxiliary,
    mse,
    sparsity,
    embedding,
    residual,
    l0,
    embeddingPairs,
    meanEmbeddingDistance: measureEmbedding && l0 > 0 ? embedding / l0 : null,
    meanResidualDistance: measureResidual && l0 > 0 ? residual / l0 : null,
    explainedVariance,
    dead: deadLatents(layout, settings.deadAfter).length,
    nested,
    auxiliary,
    gradientNorm,
    learningRate: weights.learningRate,
  };
}

/** Writes the numbers of this step to the parameter block. */
function setNumbers({ layout, settings, counters }: StepContext, tokens: number) {
  const weights = rates(settings, counters.step);
  const adam = adamNumbers(weights.learningRate, counters.step);
  layout.set('invTokens', 1 / tokens);
  layout.set('sparsityWeight', weights.l1 / tokens);
  layout.set('embeddingWeight', weights.embeddingWeight / tokens);
  layout.set('inputScale', counters.inputScale);
  layout.set('clip', 1);
  for (const name of Object.keys(adam) as (keyof typeof adam)[]) layout.set(name, adam[name]);
  return weights;
}

/** Writes the weight of L_R, which is in units of the batch's mean ‖x‖²; returns it. */
function setResidualWeight({ layout, settings }: StepContext, tokens: number): number {
  if (settings.residualWeight === 0) return 0;
  const energy = sumInOrder(layout.f64(layout.get('tokenEnergy'), tokens)) / tokens;
  const weight = settings.residualWeight * energy;
  layout.set('residualWeight', weight / tokens);
  return weight;
}

/** The terms of the loss that are known before the update. */
function sumLosses({ layout, settings }: StepContext, tokens: number, pairs: number, hasAux: boolean) {
  const groups = settings.groupSizes.map((_, g) =>
    sumInOrder(layout.f64(layout.get('tokenError') + g * tokens * 8, tokens)),
  );
  const sparsity = sumInOrder(layout.f64(layout.get('tokenSparsity'), tokens));
  const energy = sumInOrder(layout.f64(layout.get('tokenEnergy'), tokens));
  const error = groups.at(-1)!;
  const sums = sumBlocks(layout, 'blockSum', Math.ceil(tokens / TOKEN_BLOCK));
  const variance = energy - sums.reduce((sum, value) => sum + value * value, 0) / tokens;
  return {
    mse: error / tokens,
    energy: energy / tokens,
    nested: groups.slice(0, -1).map((sum) => sum / tokens),
    sparsity: sparsity / tokens,
    residual: settings.measureResidual
      ? sumInOrder(layout.f64(layout.get('tokenAlignment'), tokens)) / tokens
      : 0,
    l0: (settings.architecture === 'jumprelu' ? sparsity : pairs) / tokens,
    auxiliary: hasAux ? sumInOrder(layout.f64(layout.get('tokenAux'), tokens)) / tokens : 0,
    // What is left of a difference of sums below 1e-12 of them is rounding.
    explainedVariance: variance > 1e-12 * energy ? 1 - error / variance : null,
  };
}

/** Training that got nowhere near: its step, and what was seen there. */
export class SaeDivergence extends PolysemeError {
  readonly step: number;
  /** What was seen in that step. */
  readonly reason: string;

  constructor(step: number, reason: string, cause: string) {
    super(`SAE training diverged in step ${step}: ${reason}: ${cause}`, 'diverged');
    this.step = step;
    this.reason = reason;
  }
}

/** A squared error this many times that of the first step, relative to the inputs' square, is divergence. */
const DIVERGED = 1000;

function checkDivergence(
  { counters, settings }: StepContext,
  { mse, sparsity, energy }: { mse: number; sparsity: number; energy: number },
  learningRate: number,
): void {
  const ratio = mse / Math.max(energy, Number.MIN_VALUE);
  if (counters.step === 0) counters.firstError = Math.max(ratio, 1);
  if (Number.isFinite(mse + sparsity) && !(ratio > DIVERGED * counters.firstError)) return;
  const what = Number.isFinite(mse)
    ? `the squared error is ${ratio.toPrecision(3)} times the inputs' own square, at the start it was below ${counters.firstError.toPrecision(3)}`
    : 'the squared error is not finite';
  throw diverged(counters, settings, learningRate, what);
}

function diverged(
  counters: SaeTrainerCounters,
  settings: SaeTrainerSettings,
  learningRate: number,
  what: string,
): SaeDivergence {
  const cause =
    counters.step === 0
      ? 'the starting weights or the inputs are too large: scale them down (inputScale)'
      : `the learning rate ${learningRate} is likely too high${settings.clipNorm > 0 ? '' : ' (clipNorm is off)'}: lower it, and go on from a checkpoint`;
  return new SaeDivergence(counters.step + 1, what, cause);
}

/** Adam of b_dec; training diverges where a weight, or another one, is not finite. */
function updateDecoderBias(
  { layout, kernel, settings, counters }: StepContext,
  areFinite: boolean,
  learningRate: number,
): void {
  const { bDecM, bDecV } = layout.areas;
  const check = kernel.updateDecoderBias(layout.params, bDecM.address, bDecV.address, layout.bDecGradient);
  if (areFinite && check === 0) return;
  throw diverged(counters, settings, learningRate, 'its gradient is not finite, and the weights are lost');
}
