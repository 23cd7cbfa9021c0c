import type { GpuStep } from './gpu/gpu-step.ts';
import type { Layout } from './layout.ts';
import type { Pool } from './pool.ts';
import type { SaeKernel } from './sae-kernel.ts';
import type { SaeTrainerCounters } from './state.ts';
import type { SaeTrainerSettings } from './trainer-options.ts';

/** What the phases of a step work on. */
export interface StepContext {
  readonly settings: SaeTrainerSettings;
  readonly layout: Layout;
  readonly pool: Pool;
  readonly kernel: SaeKernel;
  readonly counters: SaeTrainerCounters;
  /** Share of all pairs (token, latent) above which a step is dense. */
  readonly denseShare: number;
  /** The GPU that the step runs on; null: the threads of the pool do. */
  readonly gpu: GpuStep | null;
}

/** A forward pass, whose figures lie in the trainer's memory, and what follows it. */
export interface Forward {
  /** How many pairs are active. */
  readonly pairs: number;
  /** Gradients and Adam; whether all weights are finite, but for b_dec, whose gradient is left in the trainer's memory. */
  update(): Promise<Updated>;
}

export interface Updated {
  readonly areFinite: boolean;
  /** L_N, and the pairs that it is over. */
  readonly embedding: number;
  readonly embeddingPairs: number;
  readonly gradientNorm: number | null;
}
