import type { LongCall, Progress } from '../base/progress.ts';
import type { Redrawn } from '../compare/redraw.ts';
import type { Context } from '../corpus/contexts.ts';
import type { Model } from '../model/load-model.ts';
import type { SaeAttachment } from '../sae/attach.ts';
import type { Sae } from '../sae/sae.ts';

export interface EvaluationProgress extends Progress {
  readonly stage: 'evaluate' | 'harvest' | 'compare';
  readonly unit: 'contexts' | 'units';
}

/** What the parts of an evaluation work on. */
export interface Evaluation extends LongCall<EvaluationProgress> {
  readonly model: Model;
  readonly sae: Sae;
  readonly attachment: SaeAttachment;
  readonly contexts: readonly Context[];
  readonly context: number;
  readonly specialIds: ReadonlySet<number>;
  /** Most examples of a unit in a draw, and draws. */
  readonly examples: number;
  readonly seeds: number;
  readonly seed: number;
}

/** Where and on what an SAE was evaluated, and every figure with the number of tokens that it is over. */
export interface SaeEvaluation {
  readonly sae: {
    readonly label: string;
    readonly architecture: string;
    readonly latents: number;
    readonly width: number;
    /** The site that it reads, and the one that its output replaces. */
    readonly site: string;
    readonly output: string;
    /** It reads x − mean(x). */
    readonly centred: boolean;
  };
  readonly model: string;
  readonly data: string;
  /** Tokens of a context, BOS counted. */
  readonly context: number;
  readonly contexts: number;
  readonly bos: boolean;
  readonly seed: number;
  readonly reconstruction: {
    readonly tokens: number;
    /** 1 − Σ‖x − x̂‖² / Σ‖x − μ‖², μ over all tokens. */
    readonly explainedVariance: number | null;
    /** Mean over tokens of 1 − ‖x − x̂‖² / ‖x − μ‖², μ over each batch of `legacyBatch` contexts. */
    readonly explainedVarianceLegacy: number | null;
    readonly legacyBatch: number;
    /** Mean of ‖x − x̂‖², and that ÷ dimensions. */
    readonly mse: number;
    readonly msePerDimension: number;
    /** Mean cosine of x and x̂; 0 where either is zero. */
    readonly cosine: number;
    readonly l2NormIn: number;
    readonly l2NormOut: number;
    /** Mean of ‖x̂‖ / ‖x‖. */
    readonly l2Ratio: number | null;
    /** E‖x̂‖² / E[x·x̂] (Rajamanoharan et al. 2024, eq. 10): below 1, it shrinks. */
    readonly relativeReconstructionBias: number | null;
  };
  readonly sparsity: {
    readonly tokens: number;
    /** Mean number of latents that are not 0. */
    readonly l0: number;
    /** Mean of Σ|latent|. */
    readonly l1: number;
    /** Latents that no token activates, and their share. They depend on the number of tokens. */
    readonly dead: number;
    readonly deadShare: number;
    /** Live latents by log10 of their density (share of tokens): bin i is [edges[i], edges[i + 1]), the last one closed. */
    readonly densityHistogram: { readonly edges: readonly number[]; readonly counts: readonly number[] };
    /** Shares of the latents with a density above 1 % and 10 %, and the same weighted by density. */
    readonly over1Percent: number;
    readonly over10Percent: number;
    readonly normalizedOver1Percent: number | null;
    readonly normalizedOver10Percent: number | null;
  };
  /** Mean −log p of the next token (an encoder's: of the position's own), in nats: special positions left out. */
  readonly crossEntropy: {
    readonly tokens: number;
    readonly clean: number | null;
    readonly withSae: number | null;
    readonly ablated: number | null;
    /** (ablated − withSae) / (ablated − clean). */
    readonly recovered: number | null;
  };
  /** Mean KL(clean ‖ changed) of the distribution of that token, in nats. */
  readonly divergence: {
    readonly tokens: number;
    readonly withSae: number;
    readonly ablated: number;
    /** (ablated − withSae) / ablated. */
    readonly recovered: number | null;
  };
  /** Its latents beside the MLP neurons of its layer, on the same contexts; null where not asked for or not possible. */
  readonly polysemy: Redrawn | null;
  /** SAEBench's keys for the metrics that it has. */
  readonly saebench: Readonly<Record<string, Readonly<Record<string, number | null>>>>;
  /** What the reader should know, one line each. */
  readonly notes: readonly string[];
}

/** The metrics under SAEBench 0.6's names (core/eval_output.py). */
export function saebenchKeys({
  reconstruction: r,
  sparsity: s,
  crossEntropy: ce,
  divergence: kl,
}: Omit<SaeEvaluation, 'saebench'>): SaeEvaluation['saebench'] {
  return {
    model_behavior_preservation: {
      kl_div_score: kl.recovered,
      kl_div_with_ablation: kl.ablated,
      kl_div_with_sae: kl.withSae,
    },
    model_performance_preservation: {
      ce_loss_score: ce.recovered,
      ce_loss_with_ablation: ce.ablated,
      ce_loss_with_sae: ce.withSae,
      ce_loss_without_sae: ce.clean,
    },
    reconstruction_quality: {
      explained_variance: r.explainedVariance,
      explained_variance_legacy: r.explainedVarianceLegacy,
      mse: r.mse,
      cossim: r.cosine,
    },
    shrinkage: {
      l2_norm_in: r.l2NormIn,
      l2_norm_out: r.l2NormOut,
      l2_ratio: r.l2Ratio,
      relative_reconstruction_bias: r.relativeReconstructionBias,
    },
    sparsity: { l0: s.l0, l1: s.l1 },
    token_stats: {
      total_tokens_eval_reconstruction: ce.tokens,
      total_tokens_eval_sparsity_variance: s.tokens,
    },
    misc_metrics: {
      freq_over_1_percent: s.over1Percent,
      freq_over_10_percent: s.over10Percent,
      normalized_freq_over_1_percent: s.normalizedOver1Percent,
      normalized_freq_over_10_percent: s.normalizedOver10Percent,
      frac_alive: 1 - s.deadShare,
    },
  };
}
