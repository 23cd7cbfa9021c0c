import { unitEmbeddings } from '../bank/embedding.ts';
import { cutTree } from '../cluster/cut.ts';
import { singleLinkageOfRows } from '../cluster/linkage.ts';
import { DistanceRows } from '../embed/distance-rows.ts';
import { nullDistance } from '../embed/null-distance.ts';
import { PolysemeError } from '../errors.ts';
import { judge } from '../polysemy/judgement.ts';
import { polysemyOfRows } from '../polysemy/row-metrics.ts';
import type { FeatureRule } from './labeling.ts';
import type { SplitOptions, UnitFeatures } from './split.ts';

/** Most examples of a unit whose distances are all held at once (as float32 0.27 GB). */
export const MOST_HELD = 11_585;

/**
 * As `splitUnit`, of a unit with so many examples that their distances are not held: single linkage and the cut alone, in
 * memory that grows with the examples, not with their square. There is no split by the silhouette rule, which needs all
 * distances: one feature stands in its place.
 *
 * @throws PolysemeError for another linkage, or where features are to be `auto`
 */
export function splitLargeUnit(
  {
    inputs,
    weights,
    centre,
    nullInputs,
    embedding = { kind: 'linear' },
    linkage,
    threshold = 0.5,
  }: SplitOptions,
  rule: FeatureRule,
): UnitFeatures {
  const width = embedding.kind === 'linear' ? weights.length : (weights.length - 2) / 2;
  const count = inputs.length / width;
  if (linkage !== 'single' || rule !== 'cut') {
    throw new PolysemeError(
      `a unit has ${count} examples: above ${MOST_HELD} only option linkage single with option features cut needs no matrix of all distances; choose these, or fewer examples (option examples)`,
      'unsupported',
    );
  }
  const rows = new DistanceRows(unitEmbeddings(embedding, inputs, weights, centre), count);
  const tree = singleLinkageOfRows(rows);
  const labels = cutTree(tree, { distance: threshold });
  const { metrics, centrals, central } = polysemyOfRows(rows, labels);
  const auto = { labels: new Int32Array(count), stray: new Uint8Array(count), separation: null };
  const nullRows = nullInputs && unitEmbeddings(embedding, nullInputs, weights, centre);
  return {
    distances: new Float32Array(0),
    tree,
    labels,
    centrals,
    metrics,
    auto: { ...auto, centrals: Int32Array.of(central) },
    judgement: judge({
      ...auto,
      meanDistance: metrics.meanDistance,
      nullDistance: nullRows ? nullDistance({ rows: nullRows, count: nullRows.length / width }) : null,
    }),
  };
}
