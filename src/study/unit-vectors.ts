import { unitEmbeddings } from '../bank/embedding.ts';
import { describeFeatures } from '../features/describe.ts';
import { featureHeights, featureMeans, inverseLength } from '../features/directions.ts';
import type { Study } from './study.ts';

/** Where a unit's features lie: what texts and other features are compared with. Rows are in the order of feature ids. */
export interface UnitVectors {
  readonly count: number;
  /** Mean unit neuron embedding of each feature's examples, count × d: see `featureMeans`. */
  readonly means: Float32Array;
  /** Mean distance to its examples beyond which a firing does not belong to a feature. */
  readonly bounds: Float32Array;
  /** h of each feature's central example, less μ where the study is centred, scaled to length 1: count × d. */
  readonly inputs: Float32Array;
  /** Ids of the contexts of each feature's examples, each once, ascending; those of feature f end at `contextEnds[f]`. */
  readonly contexts: Uint32Array;
  readonly contextEnds: Uint32Array;
  /** The unit's row of weights. */
  readonly weights: Float32Array;
}

/** Share of the distance between unrelated inputs within which a firing belongs to the nearest feature. */
export const NEAR_SHARE = 0.7;

/** What the bounds of a unit's features follow from. */
export interface BoundOptions {
  /** The unit's `nullDistance`; null where the study does not have it. */
  readonly nullDistance: number | null;
  /** Where the study's features are the clusters at a threshold, that threshold; else null. */
  readonly threshold: number | null;
}

/** Computes where a unit's features lie, from its stored examples. */
export function unitVectors(
  study: Study,
  bank: string,
  index: number,
  { nullDistance, threshold }: BoundOptions,
): UnitVectors {
  const { embedding, inputs, weights, centre, count: examples } = study.inputs(bank, index);
  const detail = study.detail(bank, index);
  const { features, featureOf } = describeFeatures({
    ...study.features(detail),
    activations: detail.activation,
    words: null,
  });
  const count = features.length;
  const width = examples === 0 ? 0 : inputs.length / examples;
  const embeddings = examples === 0 ? inputs : unitEmbeddings(embedding, inputs, weights, centre);
  const heights =
    threshold === null
      ? featureHeights({ count: examples, merges: detail.merges }, featureOf, detail.stray)
      : new Float64Array(count).fill(threshold);
  const near = threshold === null ? NEAR_SHARE * (nullDistance ?? 0) : 0;
  const contexts = features.map(({ members }) =>
    Uint32Array.from(new Set(members.map((example) => detail.context[example]!))).sort(),
  );
  let end = 0;
  return {
    count,
    means: featureMeans({ embeddings, featureOf, count }),
    bounds: Float32Array.from(heights, (height) => Math.max(height, near)),
    inputs: centralInputs(
      inputs,
      centre,
      width,
      features.map(({ central }) => central),
    ),
    contexts: Uint32Array.from(contexts.flatMap((ids) => Array.from(ids))),
    contextEnds: Uint32Array.from(contexts, ({ length }) => {
      end += length;
      return end;
    }),
    weights,
  };
}

function centralInputs(
  inputs: Float32Array,
  centre: Float32Array | undefined,
  width: number,
  centrals: readonly number[],
): Float32Array {
  const rows = new Float32Array(centrals.length * width);
  centrals.forEach((example, feature) => {
    const row = rows.subarray(feature * width, (feature + 1) * width);
    for (let k = 0; k < width; k++) row[k] = inputs[example * width + k]! - (centre?.[k] ?? 0);
    const scale = inverseLength(row, 0, width);
    for (let k = 0; k < width; k++) row[k]! *= scale;
  });
  return rows;
}
