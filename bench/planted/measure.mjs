// What each rule makes of one planted unit.
import { cutTree } from '../../dist/cluster/cut.js';
import { linkage } from '../../dist/cluster/linkage.js';
import { linkageMethods } from '../../dist/cluster/linkage-methods.js';
import { cosineDistances } from '../../dist/embed/distances.js';
import { neuronEmbeddings } from '../../dist/embed/neuron.js';
import { nullDistance } from '../../dist/embed/null-distance.js';
import { bestSplit } from '../../dist/features/auto.js';
import { significance } from '../../dist/features/significance.js';
import { adjustedRand } from './truth.mjs';

/** Largest numbers of clusters that the silhouette rule is tried with. */
export const MOST = [8, 12, 16];

/**
 * Figures of a unit { inputs, weights, truth } in a source { positions, mean }, raw and centred:
 * nullDistance (and what it would be of all pairs) and relative distance; by linkage the ARI and the number of clusters of the cut at 0.5 and at 0.6 × nullDistance,
 * and by the largest k the silhouette s, ARI, number and strays of the best split. Clusters below max(2, 5 % of n) are
 * not counted: the silhouette rule's own minimum, so that no rule is charged for single examples.
 */
export function measureUnit({ inputs, weights, truth, at }, { positions, mean }, withZ) {
  const count = truth.length;
  const of = (centre) => {
    const distances = cosineDistances({ rows: neuronEmbeddings({ inputs, weights, centre }), count });
    const rows = neuronEmbeddings({ inputs: positions, weights, centre });
    const unrelated = nullDistance({ rows, count: rows.length / weights.length });
    const meanDistance = distances.reduce((sum, d) => sum + d, 0) / distances.length;
    const methods = {};
    for (const method of linkageMethods) {
      const tree = linkage({ distances, count, method });
      const cut = (distance) => {
        const labels = cutTree(tree, { distance });
        return { ari: adjustedRand(labels, truth), clusters: wholeClusters(labels) };
      };
      methods[method] = {
        half: cut(0.5),
        null: cut(0.6 * unrelated),
        auto: MOST.map((most) => {
          const split = bestSplit({ tree, distances, most });
          if (split === null) return null;
          const stray = split.stray.reduce((sum, one) => sum + one, 0) / count;
          return {
            s: split.separation,
            ari: adjustedRand(split.labels, truth),
            clusters: split.clusters,
            stray,
          };
        }),
      };
    }
    const split = bestSplit({ tree: linkage({ distances, count }), distances });
    const z = withZ ? significance({ distances, count }) : null;
    return {
      nullDistance: unrelated,
      nullDistanceOfAll: medianOf(cosineDistances({ rows, count: rows.length / weights.length })),
      relativeDistance: meanDistance / unrelated,
      methods,
      ...(at === undefined || split === null ? {} : { positionTold: positionTold(split.labels, at) }),
      ...(z === null ? {} : { z: z.z, twoClusterP: z.twoClusterP }),
    };
  };
  return { raw: of(undefined), centred: of(mean) };
}

/**
 * How well the position in the context tells the split's two largest clusters apart: the chance that one of the one
 * lies before one of the other (area under the curve), from 0.5 (not at all) to 1.
 */
export function positionTold(labels, at) {
  const sizes = new Map();
  for (const label of labels) sizes.set(label, (sizes.get(label) ?? 0) + 1);
  const [first, second] = [...sizes.keys()]
    .sort((a, b) => sizes.get(b) - sizes.get(a))
    .map((label) => at.filter((_, i) => labels[i] === label));
  let before = 0;
  for (const p of first) for (const q of second) before += p < q ? 1 : p === q ? 0.5 : 0;
  const chance = before / (first.length * second.length);
  return Math.max(chance, 1 - chance);
}

function wholeClusters(labels) {
  const sizes = new Map();
  for (const label of labels) sizes.set(label, (sizes.get(label) ?? 0) + 1);
  return [...sizes.values()].filter((size) => size >= Math.max(2, 0.05 * labels.length)).length;
}

function medianOf(values) {
  values.sort();
  return (values[(values.length - 1) >> 1] + values[values.length >> 1]) / 2;
}
