import type { Polysemy } from '../polysemy/metrics.ts';

/** One unit as a study keeps it. `detail` and `inputs` are packed arrays (see UnitDetail, UnitInputs). */
export interface UnitRecord {
  readonly index: number;
  readonly examples: number;
  readonly maxActivation: number | null;
  readonly minActivation: number | null;
  readonly mean: number;
  readonly density: number;
  readonly metrics: Polysemy;
  /** Words of each feature, by its id (see features/describe.ts). */
  readonly words: readonly (readonly string[])[];
  readonly detail: Uint8Array;
  readonly inputs: Uint8Array;
  /** SHA-256 of everything above. */
  readonly hash: Uint8Array;
}

/** What `UnitRecord.detail` packs: n examples by rank, their windows of `length` activations, and the tree. */
export interface UnitDetail {
  readonly context: Uint32Array;
  readonly position: Uint32Array;
  readonly activation: Float32Array;
  /** n × context length, half precision. */
  readonly windows: Uint16Array;
  readonly windowScales: Float32Array;
  /** (n − 1) × 4: SciPy's Z. */
  readonly merges: Float64Array;
  /** Cluster of each example, as `cutTree` numbers them; not the feature's id. */
  readonly labels: Int32Array;
  /** By label, the most typical example. */
  readonly centrals: Int32Array;
  /** Bins that are not empty, and their counts. */
  readonly histogramBins: Uint32Array;
  readonly histogramCounts: Uint32Array;
}

/** What `UnitRecord.inputs` packs: h of each example in half precision, and the unit's weights. */
export interface UnitInputs {
  readonly halves: Uint16Array;
  readonly scales: Float32Array;
  readonly weights: Float32Array;
}
