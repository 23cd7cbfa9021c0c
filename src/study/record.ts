import type { FeatureName } from '../features/names.ts';
import type { Judgement } from '../polysemy/judgement.ts';
import type { Polysemy } from '../polysemy/metrics.ts';

/** One unit as a study keeps it. `detail` and `inputs` are packed arrays (see UnitDetail, UnitInputs). */
export interface UnitRecord {
  readonly index: number;
  readonly examples: number;
  readonly maxActivation: number | null;
  readonly minActivation: number | null;
  /** Null where an expert was given no token. */
  readonly mean: number | null;
  readonly density: number | null;
  /** Of a mixture's unit, its expert; not hashed, since it follows from the model. */
  readonly expert: number | null;
  readonly metrics: Polysemy;
  readonly judgement: Judgement;
  /** Words of each feature, by its id (see features/describe.ts). */
  readonly words: readonly (readonly string[])[];
  /** And its name. */
  readonly names: readonly (FeatureName | null)[];
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
  /** The same of the split by the silhouette rule; undefined in studies of the first layout. */
  readonly autoLabels?: Int32Array;
  readonly autoCentrals?: Int32Array;
  /** 1 for each example that this rule gave to the nearest feature. */
  readonly stray?: Uint8Array;
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

/** An image that examples lie in, as a study keeps it: what the model sees of it, and what it shows. */
export interface StoredImage {
  /** Id of the context that it is. */
  readonly id: number;
  /** Null where the data does not say. */
  readonly label: string | null;
  readonly png: Uint8Array;
}

/** What a study keeps of a bank's inputs h: packed arrays. */
export interface BankInputs {
  /** μ: their mean over all text positions, d values. */
  readonly mean: Float32Array;
  /** h at random text positions (m × d, half precision with a scale each), the same positions for all banks. */
  readonly halves: Uint16Array;
  readonly scales: Float32Array;
}
