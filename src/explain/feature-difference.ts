import type { AblationRow, MeasuredRow } from './ablation-rows.ts';
import { changeDirection, FeatureShare } from './feature-share.ts';
import type { ChangedPlace } from './stand-ins.ts';
import { adjusted, type LabelTest, testLabels } from './statistics.ts';

/** A feature is compared with the others where it has so many firings. */
const LEAST_FIRINGS = 3;
/** Rows whose changes are compared, at most: each is run again with every unit that stands in. */
const MOST_TESTED = 64;
/** Control units that a test needs: with fewer, not even the first of them all has p ≤ 0.05. */
const LEAST_CONTROLS = 19;

/** A measured row; the log-probabilities of the next token are kept where it is tested. */
export interface Measured extends Omit<MeasuredRow, 'clean' | 'changed'> {
  readonly next: Pick<MeasuredRow, 'clean' | 'changed'> | null;
}

/** Whether a unit's features move the log-probabilities in different ways. */
export interface FeatureTest extends LabelTest {
  /** Ids of those that are compared; all lists are in their order. */
  readonly features: readonly number[];
  /** After Benjamini and Hochberg. */
  readonly adjusted: readonly number[];
  readonly adjustedSize: readonly number[];
  /** See `FeatureShare`. */
  readonly share: number | null;
  readonly places: readonly ChangedPlace[];
  /** Of each token, its clean probability summed over the places. */
  readonly expected: Float64Array;
}

/** The rows that are compared: of features with enough of them, the first of each in turn, then the next ones. */
export function testedRows(rows: readonly AblationRow[]): ReadonlySet<AblationRow> {
  const byFeature = new Map<number, AblationRow[]>();
  for (const row of rows) byFeature.set(row.feature, [...(byFeature.get(row.feature) ?? []), row]);
  const groups = [...byFeature.values()].filter((group) => group.length >= LEAST_FIRINGS);
  const turns = Array.from({ length: Math.max(0, ...groups.map((group) => group.length)) }, (_, turn) =>
    groups.flatMap((group) => group[turn] ?? []),
  ).flat();
  return new Set(turns.slice(0, Math.max(MOST_TESTED, LEAST_FIRINGS * groups.length)));
}

/** Permutation tests of each feature against the others. Null where there are no two to compare. */
export function testFeatures(
  measured: readonly Measured[],
  vocabulary: number,
  seed: number,
): FeatureTest | null {
  const items = measured.flatMap(({ row, next, divergence }) =>
    next === null ? [] : [{ row, ...next, size: divergence.feature }],
  );
  const features = [...new Set(items.map(({ row }) => row.feature))].sort((a, b) => a - b);
  if (features.length < 2) return null;
  const expected = new Float64Array(vocabulary);
  for (const { clean } of items) {
    for (let id = 0; id < vocabulary; id++) expected[id]! += Math.exp(clean[id]!);
  }
  const labels = Int32Array.from(items, ({ row }) => features.indexOf(row.feature));
  const directions = items.map(({ clean, changed }) => changeDirection(clean, changed, expected));
  const share = new FeatureShare(features.length, vocabulary);
  directions.forEach((direction, i) => {
    share.add(labels[i]!, direction);
  });
  const sizes = items.map(({ size }) => size);
  const test = testLabels(productsOf(directions), sizes, labels, features.length, seed);
  return {
    ...test,
    features,
    adjusted: adjusted(test.p),
    adjustedSize: adjusted(test.pSize),
    share: share.share(),
    places: items.map(({ row, changed }, i) => ({ row, changed, label: labels[i]! })),
    expected,
  };
}

/** Chance that one of so many equal units has a share as large as the first; null where there are too few. */
export function rankOf(own: number | null, others: readonly (number | null)[]): number | null {
  const known = others.filter((share) => share !== null);
  if (own === null || known.length < LEAST_CONTROLS) return null;
  return (1 + known.filter((share) => share >= own).length) / (1 + known.length);
}

/** Products of all pairs of vectors, n × n. */
function productsOf(vectors: readonly Float32Array[]): Float64Array {
  const n = vectors.length;
  const products = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      let product = 0;
      const [a, b] = [vectors[i]!, vectors[j]!];
      for (let k = 0; k < a.length; k++) product += a[k]! * b[k]!;
      products[i * n + j] = products[j * n + i] = product;
    }
  }
  return products;
}
