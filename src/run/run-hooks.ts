import type { LongCall, Progress } from '../base/progress.ts';

/** How far a run has come. */
export interface RunProgress extends Progress {
  /**
   * `plan`: contexts read, to be divided; `harvest`: contexts through the model; `features`: units of a bank split into
   * features; `passages`: units whose passages are indexed for search; `merge`: parts of a divided run; `queue`: jobs of one, by all workers, and then
   * what of their merge is done.
   */
  readonly stage: 'plan' | 'harvest' | 'features' | 'passages' | 'merge' | 'queue';
  readonly unit: 'contexts' | 'units' | 'parts' | 'shards' | '%';
  /** Contexts of a whole corpus are estimated from the bytes read. */
  readonly total: number;
  /** Text tokens run so far (harvest). */
  readonly tokens: number;
  /** What is being done, in words: `pass 1 of 2`, `mlp.3`. */
  readonly what: string;
}

/** A run whose signal is aborted can be resumed by the same call, as one that was killed. */
export interface RunHooks extends LongCall<RunProgress> {
  /** Gets what the user should know of the inputs: assumptions and doubts, one line each. */
  readonly onNote?: (line: string) => void;
  /** Seconds of work that a kill may lose; default 40. */
  readonly saveEvery?: number;
}
