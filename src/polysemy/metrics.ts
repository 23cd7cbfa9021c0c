import { checkLabels } from '../cluster/labels.ts';
import { type Condensed, checkCondensed, rowStart } from '../embed/condensed.ts';
import type { ColumnValues, Metric } from './column-lists.ts';
import { effectiveOf } from './shares.ts';
import { silhouette } from './silhouette.ts';

/** What `polysemy` computes. */
export const POLYSEMY = [
  'clusters',
  'maxDistance',
  'meanDistance',
  'intraClusterDistance',
  'interClusterDistance',
  'effectiveClusters',
  'largestShare',
  'silhouette',
] as const satisfies readonly Metric[];

/**
 * How polysemantic a unit is, by the distances between its examples' neuron embeddings and their clusters. What each
 * number is, and when it is null, stands in the table of columns.
 */
export type Polysemy = Readonly<ColumnValues<(typeof POLYSEMY)[number]>>;

/**
 * The polysemy metrics of one unit. Sums in double precision.
 * @param distances condensed, between the unit's n examples
 * @param labels their clusters, from 0 without gaps, n of them
 * @throws PolysemeError when the two do not fit
 * @example
 * const measured = polysemy({ distances: Float32Array.of(0.25, 1, 0.5), labels: Int32Array.of(0, 0, 1) });
 * console.log(measured.clusters, measured.intraClusterDistance, measured.interClusterDistance); // 2 0.25 0.75
 */
export function polysemy({ distances, labels }: { distances: Condensed; labels: Int32Array }): Polysemy {
  const count = labels.length;
  checkCondensed('polysemy', distances, count);
  const clusters = checkLabels('polysemy', labels);
  let max = 0;
  let intra = 0;
  let inter = 0;
  let intraPairs = 0;
  for (let i = 0; i < count; i++) {
    const start = rowStart(count, i);
    const label = labels[i]!;
    for (let j = i + 1; j < count; j++) {
      const distance = distances[start + j]!;
      if (distance > max) max = distance;
      if (labels[j] === label) {
        intra += distance;
        intraPairs++;
      } else inter += distance;
    }
  }
  const pairs = distances.length;
  const interPairs = pairs - intraPairs;
  const { sizes, effectiveClusters, largestShare } = sharesOf(labels, clusters);
  return {
    clusters,
    maxDistance: pairs > 0 ? max : null,
    meanDistance: pairs > 0 ? (intra + inter) / pairs : null,
    intraClusterDistance: intraPairs > 0 ? intra / intraPairs : null,
    interClusterDistance: interPairs > 0 ? inter / interPairs : null,
    effectiveClusters,
    largestShare,
    silhouette: clusters >= 2 && clusters <= count - 1 ? silhouette(distances, labels, sizes) : null,
  };
}

/** The metrics that need no distances; the others are null. */
export function sharesOnly(labels: Int32Array): Polysemy {
  const clusters = checkLabels('polysemy', labels);
  const { effectiveClusters, largestShare } = sharesOf(labels, clusters);
  return {
    clusters,
    maxDistance: null,
    meanDistance: null,
    intraClusterDistance: null,
    interClusterDistance: null,
    effectiveClusters,
    largestShare,
    silhouette: null,
  };
}

function sharesOf(labels: Int32Array, clusters: number) {
  const count = labels.length;
  const sizes = new Int32Array(clusters);
  for (const label of labels) sizes[label]!++;
  return {
    sizes,
    effectiveClusters: count > 0 ? effectiveOf(sizes, count) : null,
    largestShare: count > 0 ? sizes.reduce((most, size) => Math.max(most, size)) / count : null,
  };
}
