import { createRandom } from '../base/random.ts';
import { PolysemeError } from '../errors.ts';
import { rowWidth } from './check-rows.ts';
import { cosineDistances } from './distances.ts';
import { symmetricEigen } from './eigen.ts';
import { centredGram, gramMatrix, NOISE, signOf } from './gram.ts';

/** Places of n rows along their principal components. */
export interface PrincipalComponents {
  /** n × components, row-major; the columns beyond the rows' rank are 0. */
  readonly coordinates: Float64Array;
  readonly components: number;
  /** Share of the total variance along each component; 0 where there is no variance at all. */
  readonly variance: Float64Array;
}

/** Most rows whose Gram matrix is decomposed whole: about 40 ms. */
const WHOLE = 160;
/** Vectors added to the Krylov space at a time; components of equal variance are found up to so many. */
const BLOCK = 4;
/** Largest dimension of the Krylov space beyond twice the components. */
const LARGEST_SPACE = 120;
/** Largest residual of a component, as a share of the largest eigenvalue. */
const TOLERANCE = 1e-6;

/**
 * Principal components of rows scaled to unit length (zero rows stay zero), by the Gram matrix 1 − D of their cosine
 * distances, centred. Each component points to where its largest coordinate is positive. Coordinates are within about
 * 1e-5 of double precision, which is what the distances have.
 *
 * @param rows count × d, row-major
 * @param distances their `cosineDistances`, where they are known
 * @throws PolysemeError when rows cannot be count × d, hold NaN or an infinity, or `components` is no whole number ≥ 1
 * @example
 * const rows = Float32Array.of(1, 0, 0, 1, -1, 0); // three rows of two numbers
 * const { coordinates, variance } = principalComponents({ rows, count: 3, components: 1 });
 * console.log(coordinates.length, variance[0] > 0.7); // 3 true
 */
export function principalComponents({
  rows,
  count,
  components,
  distances = cosineDistances({ rows, count }),
}: {
  rows: Float32Array;
  count: number;
  components: number;
  distances?: Float32Array;
}): PrincipalComponents {
  if (!Number.isInteger(components) || components < 1) {
    throw new PolysemeError(
      `principalComponents: components must be a whole number of at least 1, not ${components}`,
    );
  }
  const gram = centredGram(gramMatrix(distances, zeroRows(rows, count)), count);
  let total = 0;
  for (let i = 0; i < count; i++) total += gram[i * count + i]!;
  const wanted = Math.min(components, count);
  const { values, vectors } =
    count <= WHOLE ? symmetricEigen(gram, count) : leadingEigen(gram, count, wanted);
  const coordinates = new Float64Array(count * components);
  const variance = new Float64Array(components);
  const least = NOISE * Math.max(1, values[0] ?? 0);
  for (let k = 0; k < wanted; k++) {
    const value = values[k]!;
    if (value <= least) break;
    const vector = vectors.subarray(k * count, (k + 1) * count);
    const scale = Math.sqrt(value) * signOf(vector);
    for (let i = 0; i < count; i++) coordinates[i * components + k] = scale * vector[i]!;
    variance[k] = Math.min(1, value / total);
  }
  return { coordinates, components, variance };
}

function zeroRows(rows: Float32Array, count: number): Uint8Array {
  const width = rowWidth('principalComponents', rows, count);
  return Uint8Array.from({ length: count }, (_, i) =>
    rows.subarray(i * width, (i + 1) * width).every((value) => value === 0) ? 1 : 0,
  );
}

/**
 * The largest eigenvalues of a symmetric matrix: Rayleigh–Ritz in a block Krylov space, with all of its vectors kept
 * orthogonal, which grows until the eigenvectors have converged or the space is full.
 */
function leadingEigen(
  matrix: Float64Array,
  size: number,
  wanted: number,
): { values: Float64Array; vectors: Float64Array } {
  const random = createRandom(0);
  const basis: Float64Array[] = [];
  const images: Float64Array[] = [];
  const largest = Math.min(size, 2 * wanted + LARGEST_SPACE);
  let check = Math.min(largest, 2 * wanted + 8 * BLOCK);
  for (;;) {
    const from = images.slice(-BLOCK);
    for (let b = 0; b < BLOCK && basis.length < largest; b++) {
      const seed = from[b]?.slice() ?? Float64Array.from({ length: size }, () => random.next() - 0.5);
      let vector = orthonormal(seed, basis);
      // The space is closed under the matrix: go on in a new direction.
      while (vector === null) {
        vector = orthonormal(
          Float64Array.from({ length: size }, () => random.next() - 0.5),
          basis,
        );
      }
      basis.push(vector);
      images.push(multiply(matrix, size, vector));
    }
    if (basis.length < check) continue;
    const pairs = ritz(basis, images, wanted);
    if (basis.length >= largest || pairs.residual <= TOLERANCE * Math.abs(pairs.values[0]!)) return pairs;
    check = Math.min(largest, Math.ceil(1.5 * basis.length));
  }
}

/** The best eigenvectors within a space, and the largest ‖A·v − λ·v‖ of them. */
function ritz(basis: readonly Float64Array[], images: readonly Float64Array[], wanted: number) {
  const m = basis.length;
  const size = basis[0]!.length;
  const projected = new Float64Array(m * m);
  for (let i = 0; i < m; i++) for (let j = 0; j <= i; j++) projected[i * m + j] = dot(basis[i]!, images[j]!);
  const small = symmetricEigen(projected, m);
  const vectors = new Float64Array(wanted * size);
  let residual = 0;
  for (let k = 0; k < wanted; k++) {
    const vector = vectors.subarray(k * size, (k + 1) * size);
    const image = new Float64Array(size);
    for (let i = 0; i < m; i++) {
      const weight = small.vectors[k * m + i]!;
      addScaled(vector, basis[i]!, weight);
      addScaled(image, images[i]!, weight);
    }
    addScaled(image, vector, -small.values[k]!);
    residual = Math.max(residual, Math.sqrt(dot(image, image)));
  }
  return { values: small.values.slice(0, wanted), vectors, residual };
}

/** A unit vector orthogonal to the basis, in place; null when the vector lies in its space. */
function orthonormal(vector: Float64Array, basis: readonly Float64Array[]): Float64Array | null {
  const before = Math.sqrt(dot(vector, vector));
  // Twice is enough (Parlett).
  for (let pass = 0; pass < 2; pass++) {
    for (const other of basis) addScaled(vector, other, -dot(vector, other));
  }
  const length = Math.sqrt(dot(vector, vector));
  if (!(length > 1e-10 * before)) return null;
  for (let i = 0; i < vector.length; i++) vector[i]! /= length;
  return vector;
}

function multiply(matrix: Float64Array, size: number, vector: Float64Array): Float64Array {
  return Float64Array.from({ length: size }, (_, i) =>
    dot(matrix.subarray(i * size, (i + 1) * size), vector),
  );
}

function addScaled(to: Float64Array, vector: Float64Array, scale: number): void {
  for (let i = 0; i < to.length; i++) to[i]! += scale * vector[i]!;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
