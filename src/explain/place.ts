import { type Embedding, unitEmbeddings } from '../bank/embedding.ts';
import { inverseLength } from '../features/directions.ts';
import type { UnitVectors } from '../study/unit-vectors.ts';

/** What tells which of a unit's features an input belongs to. */
export type UnitPlace = Pick<UnitVectors, 'count' | 'means' | 'bounds' | 'weights'>;

/** Where an input lies among a unit's features. */
export interface Placed {
  /** The feature that it belongs to; null where it is too far from all. */
  readonly feature: number | null;
  /** Mean cosine distance to the examples of each feature, by id. */
  readonly distances: readonly number[];
}

/** What half precision, in which a study keeps h, may add to a distance. */
const ROUNDING = 1e-4;

/**
 * Which of a unit's features an input h belongs to: the one with the least mean distance to its examples, unless that is
 * beyond the feature's bound. Of equal distances the first.
 * @param centre μ, where the study's embeddings are of h − μ
 */
export function placeInput(
  { count, means, bounds, weights }: UnitPlace,
  embedding: Embedding,
  h: Float32Array,
  centre: Float32Array | undefined,
): Placed {
  const e = unitEmbeddings(embedding, h, weights, centre);
  const scale = inverseLength(e, 0, e.length);
  const distances = Array.from({ length: count }, (_, feature) => {
    let dot = 0;
    for (let k = 0, at = feature * e.length; k < e.length; k++, at++) dot += e[k]! * means[at]!;
    return Math.min(2, Math.max(0, 1 - dot * scale));
  });
  let nearest = -1;
  distances.forEach((distance, feature) => {
    if (nearest < 0 || distance < distances[nearest]!) nearest = feature;
  });
  const isNear = nearest >= 0 && distances[nearest]! <= bounds[nearest]! + ROUNDING;
  return { feature: isNear ? nearest : null, distances };
}
