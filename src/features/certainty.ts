import * as z from 'zod';
import { cutTree } from '../cluster/cut.ts';
import { linkage } from '../cluster/linkage.ts';
import type { Condensed } from '../embed/condensed.ts';
import { featureNumbers } from '../polysemy/feature-numbers.ts';
import { relativeDistance } from '../polysemy/verdict.ts';
import { autoFeatures } from './auto.ts';
import type { FeatureRule } from './labeling.ts';
import { NULL_DRAWS, SIGNIFICANT, type Significance, significance } from './significance.ts';
import type { ClusterOptions } from './split.ts';
import { stability } from './stability.ts';

/** Seed of every draw: the answer about a unit is the same each time. */
export const CERTAINTY_SEED = 0;

const real = z.number().nullable();
const count = z.int().min(0);

/** How compact one feature is, how far from the others, and how surely it is found again. */
const featureCertainty = z
  .object({
    id: count,
    size: count,
    tightness: real.meta({ description: 'mean distance over its pairs; null for one example' }),
    relativeTightness: real.meta({
      description: 'tightness ÷ nullDistance: 1 is no more alike than unrelated inputs',
    }),
    siblingDistance: real.meta({
      description: 'smallest mean distance to the examples of another feature; null for the only feature',
    }),
    relativeSiblingDistance: real.meta({ description: 'siblingDistance ÷ nullDistance' }),
    sibling: count.nullable().meta({ description: 'id of that feature' }),
    stability: real.meta({
      description:
        'mean over 50 subsamples of half the examples of the largest Jaccard index with a feature of the subsample (Hennig 2007); 1: always found again',
    }),
  })
  .meta({ id: 'FeatureCertainty' });

/** How sure the features of a unit are. */
export const certainty = z
  .object({
    seed: count.meta({ description: 'of the draws and the subsamples' }),
    draws: count.meta({
      description: 'clouds drawn: one Gaussian of the unit’s own mean and covariance, put back on the sphere',
    }),
    examples: count,
    nullDistance: real,
    z: real.meta({
      description: `(separation − nullMean) ÷ nullDeviation; from ${SIGNIFICANT} on the features are told apart from one cloud; null where the unit has no separation`,
    }),
    separation: real.meta({ description: 'mean silhouette of the best split' }),
    nullMean: real.meta({ description: 'mean separation of the clouds' }),
    nullDeviation: real.meta({ description: 'its standard deviation' }),
    twoClusterIndex: real.meta({
      description:
        'sum of squares within the best two clusters ÷ that about the mean (SigClust: Liu, Hayes, Nobel and Marron 2008)',
    }),
    twoClusterP: real.meta({
      description:
        '(1 + clouds with as small an index) ÷ (1 + draws): small, a trustworthy yes; large, a poor no',
    }),
    features: z.array(featureCertainty).meta({ description: 'by id' }),
  })
  .meta({ id: 'Certainty', description: 'how sure the features of a unit are, each number beside its null' });

export type Certainty = z.output<typeof certainty>;

/**
 * How sure the features of a unit are: its separation against one cloud, the two-cluster index, and of each feature how
 * compact it is, how far from the others, and how surely it is found again.
 * @param distances condensed, between the unit's examples
 * @param featureOf the feature of each example, by id
 * @param rule what made the features, with the linkage and threshold of a cut
 */
export function certaintyOf({
  distances,
  featureOf,
  rule,
  linkage: method,
  threshold,
  nullDistance,
}: ClusterOptions & {
  distances: Condensed;
  featureOf: Int32Array;
  rule: FeatureRule;
  nullDistance: number | null;
}): Certainty {
  const examples = featureOf.length;
  const found = significance({ distances, count: examples, seed: CERTAINTY_SEED });
  const split = (part: Condensed, count: number): Int32Array =>
    rule === 'cut'
      ? cutTree(linkage({ distances: part, count, method }), { distance: threshold })
      : autoFeatures({ tree: linkage({ distances: part, count, method: 'average' }), distances: part })
          .labels;
  const stable = stability({ distances, labels: featureOf, split, seed: CERTAINTY_SEED });
  return {
    seed: CERTAINTY_SEED,
    draws: NULL_DRAWS,
    examples,
    nullDistance,
    z: found?.z ?? null,
    separation: found?.separation ?? null,
    ...nullOf(found),
    twoClusterIndex: found?.twoClusterIndex ?? null,
    twoClusterP: found?.twoClusterP ?? null,
    features: featureNumbers({ distances, labels: featureOf }).map((numbers, id) => ({
      id,
      ...numbers,
      relativeTightness: relativeDistance(numbers.tightness, nullDistance),
      relativeSiblingDistance: relativeDistance(numbers.siblingDistance, nullDistance),
      stability: stable[id] ?? null,
    })),
  };
}

/** Mean and standard deviation of the separations of the clouds. */
function nullOf(found: Significance | null): Pick<Certainty, 'nullMean' | 'nullDeviation'> {
  if (found === null) return { nullMean: null, nullDeviation: null };
  const { nullSeparations: of } = found;
  const mean = of.reduce((sum, one) => sum + one, 0) / of.length;
  const variance = of.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (of.length - 1);
  return { nullMean: mean, nullDeviation: Math.sqrt(variance) };
}
