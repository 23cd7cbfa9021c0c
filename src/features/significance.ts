import { createRandom } from '../base/random.ts';
import { linkage } from '../cluster/linkage.ts';
import { type Condensed, checkCondensed } from '../embed/condensed.ts';
import { cosineDistances } from '../embed/distances.ts';
import { symmetricEigen } from '../embed/eigen.ts';
import { centredGram, gramMatrix, NOISE, signOf, zeroRowsOf } from '../embed/gram.ts';
import { twoClusterIndex } from '../polysemy/two-means.ts';
import { bestSplit } from './auto.ts';

/** Draws of the null: the smallest p-value is 1/40. */
export const NULL_DRAWS = 39;
/** z from which a unit's features are told apart from one cloud. */
export const SIGNIFICANT = 3;

/** A unit's separation against one Gaussian cloud with the unit's own mean and covariance. */
export interface Significance {
  /** (s − mean of the draws' s) ÷ their standard deviation; null where the unit has no s, or no spread. */
  readonly z: number | null;
  /** s of the unit's best split; null where there is none. */
  readonly separation: number | null;
  /** s of every draw; 0 where a draw has no split. */
  readonly nullSeparations: Float64Array;
  /** The two-cluster index of the examples. */
  readonly twoClusterIndex: number;
  /** (1 + draws with as small an index) ÷ (1 + draws). Small: a trustworthy yes; large: a poor no. */
  readonly twoClusterP: number;
}

/**
 * Whether a unit's best split stands out from what one cloud of the same mean and covariance would give.
 *
 * The unit embeddings ê of the n examples span at most n − 1 axes about their mean m: with G = 1 − D (the diagonal 1,
 * or 0 for a zero embedding) and G centred in rows and columns = Σ λ_r u_r u_rᵀ, λ falling, those above 1e-6 of the
 * largest (at least of 1), the sign of u_r such that its largest entry (the first of entries equal to 1e-6) is positive.
 * Along axis r the mean is m_r = Σ_j u_rj g_j / √λ_r, g_j the mean of G's row j, and the standard deviation
 * √(λ_r/(n − 1)). What is left of m is one more axis on which every point is √(‖m‖² − Σ m_r²).
 * Draw b takes from `createRandom(seed, b)` for each point, for each axis, two numbers u, v and the normal
 * √(−2 ln(1 − u)) cos 2πv; the points are put back on the sphere, and clustered by average linkage as the unit's are.
 * @param distances condensed, between the unit's examples
 * @returns null for fewer than two examples, or where they do not differ
 * @example
 * const rows = Float32Array.from({ length: 96 }, (_, i) => (i % 6 === 0 || i % 6 === 4 ? 3 : 0) + Math.sin(i * i));
 * const found = significance({ distances: cosineDistances({ rows, count: 32 }), count: 32 });
 * console.log(found !== null && found.z !== null && found.z > 3); // true
 */
export function significance({
  distances,
  count,
  seed = 0,
  draws = NULL_DRAWS,
}: {
  distances: Condensed;
  count: number;
  seed?: number;
  draws?: number;
}): Significance | null {
  checkCondensed('significance', distances, count);
  const cloud = cloudOf(distances, count);
  if (cloud === null) return null;
  const index = twoClusterIndex(cloud.points, count, cloud.axes);
  let asSmall = 0;
  const standing = standingIn(cloud, { distances, count, seed, draws }, (rows) => {
    if (twoClusterIndex(onSphere(rows, cloud.axes + 1), count, cloud.axes + 1) <= index) asSmall++;
  });
  return { ...standing, twoClusterIndex: index, twoClusterP: (1 + asSmall) / (1 + draws) };
}

/** Where a unit's separation stands among those of such clouds: what `significance` says of it, without the two clusters. */
export function separationStanding({
  distances,
  count,
  seed = 0,
  draws = NULL_DRAWS,
}: Parameters<typeof significance>[0]): Standing | null {
  const cloud = cloudOf(distances, count);
  return cloud && standingIn(cloud, { distances, count, seed, draws });
}

function standingIn(
  cloud: Cloud,
  {
    distances,
    count,
    seed,
    draws,
  }: { readonly distances: Condensed; readonly count: number; readonly seed: number; readonly draws: number },
  onDraw: (rows: Float32Array) => void = () => {},
): Standing {
  const separation = separationOf(distances, count);
  const nulls = new Float64Array(draws);
  for (let b = 0; b < draws; b++) {
    const rows = drawPoints(cloud, count, seed, b);
    nulls[b] = separationOf(cosineDistances({ rows, count }), count) ?? 0;
    onDraw(rows);
  }
  return {
    z: separation === null ? null : standardScore(separation, nulls),
    separation,
    nullSeparations: nulls,
  };
}

function separationOf(distances: Condensed, count: number): number | null {
  const tree = linkage({ distances, count, method: 'average' });
  return bestSplit({ tree, distances })?.separation ?? null;
}

/** What there is to say of a separation alone. */
type Standing = Pick<Significance, 'z' | 'separation' | 'nullSeparations'>;

/** The Gaussian, and the points that it is made from, along its axes. */
interface Cloud {
  readonly axes: number;
  /** count × axes, less the mean */
  readonly points: Float64Array;
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
  /** What is left of the mean beside the axes. */
  readonly rest: number;
}

/** Null for fewer than two examples, or where they do not differ. */
function cloudOf(distances: Condensed, count: number): Cloud | null {
  if (count < 2) return null;
  const gram = gramMatrix(distances, zeroRowsOf(distances, count));
  const { values, vectors } = symmetricEigen(centredGram(gram, count), count);
  const least = NOISE * Math.max(1, values[0]!);
  const axes = values.findIndex((value) => !(value > least));
  if (axes <= 0) return null;
  const rowMeans = new Float64Array(count);
  for (let i = 0; i < count * count; i++) rowMeans[i % count]! += gram[i]! / count;
  const points = new Float64Array(count * axes);
  const mean = new Float64Array(axes);
  for (let r = 0; r < axes; r++) {
    const vector = vectors.subarray(r * count, (r + 1) * count);
    const sign = signOf(vector);
    const length = Math.sqrt(values[r]!);
    for (let i = 0; i < count; i++) {
      points[i * axes + r] = sign * length * vector[i]!;
      mean[r]! += (sign * vector[i]! * rowMeans[i]!) / length;
    }
  }
  const squared = rowMeans.reduce((sum, value) => sum + value, 0) / count;
  const left = squared - mean.reduce((sum, value) => sum + value * value, 0);
  return {
    axes,
    points,
    mean,
    deviation: values.subarray(0, axes).map((value) => Math.sqrt(value / (count - 1))),
    rest: Math.sqrt(Math.max(0, left)),
  };
}

function drawPoints(
  { axes, mean, deviation, rest }: Cloud,
  count: number,
  seed: number,
  draw: number,
): Float32Array {
  const random = createRandom(seed, draw);
  const rows = new Float32Array(count * (axes + 1));
  for (let i = 0, at = 0; i < count; i++) {
    for (let r = 0; r < axes; r++) {
      const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
      rows[at++] = mean[r]! + deviation[r]! * radius * Math.cos(2 * Math.PI * random.next());
    }
    rows[at++] = rest;
  }
  return rows;
}

function onSphere(rows: Float32Array, width: number): Float64Array {
  const out = Float64Array.from(rows);
  for (let start = 0; start < out.length; start += width) {
    const row = out.subarray(start, start + width);
    const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
    for (let k = 0; k < width && length > 0; k++) row[k]! /= length;
  }
  return out;
}

function standardScore(value: number, sample: Float64Array): number | null {
  const mean = sample.reduce((sum, one) => sum + one, 0) / sample.length;
  const variance = sample.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (sample.length - 1);
  return variance > 0 ? (value - mean) / Math.sqrt(variance) : null;
}
