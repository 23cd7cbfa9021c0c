import * as z from 'zod';
import { featureRules } from '../features/labeling.ts';
import { described, eachMetric, SUMMARY } from '../polysemy/column-lists.ts';
import { POLYSEMY } from '../polysemy/metrics.ts';
import { LISTED_FEATURES } from './constants.ts';
import { array } from './octets.ts';
import { byMetric, columns, count, linkages, real } from './schemas.ts';

/** What the HTTP API gives of one unit, and of units in lists. */

/** One unit's statistics and polysemy. */
export const unitSummary = z
  .object({ bank: z.string(), index: count, ...columns(SUMMARY).shape })
  .meta({ id: 'UnitSummary' });

export const featureName = z
  .object({
    text: z.string(),
    precision: real.meta({
      description:
        "share of the unit's examples for which the pattern holds that are the feature's own, of examples that the choice has not seen; null where it is not scored or the unit has no other examples",
    }),
    recall: real.meta({
      description:
        "share of the feature's examples for which it holds, likewise; null where it is not scored: fewer than 8 examples",
    }),
    falseAlarms: real.meta({ description: 'share of random text positions for which it holds' }),
  })
  .meta({ id: 'FeatureName', description: "a pattern that tells a feature's examples from others" });

export const name = featureName.nullable();

/** A feature in a list. */
export const listedFeature = {
  name,
  words: z.array(z.string()),
  image: count.optional().meta({
    description:
      'context of its central example, where that is an image: /api/contexts/{context}/image; absent of text',
  }),
};

/** How a unit's examples fall to its features. */
export const featureShares = {
  sizes: z.array(count).meta({
    description:
      'examples of each feature, by its id, without those that were given to it though they are unlike it',
  }),
  stray: count.meta({
    description: 'examples that were given to the nearest feature though they are unlike it',
  }),
};

export const unitRow = unitSummary
  .extend({
    ...featureShares,
    features: z
      .array(z.object({ id: count, ...listedFeature }))
      .meta({ description: `the largest, at most ${LISTED_FEATURES}; words: at most five` }),
  })
  .meta({ id: 'UnitRow' });

export const unitsAnswer = z
  .object({
    units: z.array(unitRow),
    next: z.string().nullable().meta({ description: 'cursor of the next page' }),
    total: count,
  })
  .meta({ id: 'Units' });

export const metricsAnswer = z
  .object({
    bank: array('u16', "of every unit, the place of its bank among the study's"),
    index: array('u32', 'of every unit, its index in the bank'),
    ...eachMetric((metric) => array('f32', described(metric)).optional()),
  })
  .meta({ id: 'Metrics', description: 'columns over all units, by bank and index' });

/** The image that an example lies in; absent of text. */
export const exampleImage = z
  .object({
    label: z.string().nullable().meta({ description: 'what it shows, where the data says' }),
    box: z.tuple([count, count, count, count]).nullable().meta({
      description:
        'left, top, width and height of the patch of the peak, in pixels of what the model sees (`model.image` of the study); null where it is the whole image',
    }),
  })
  .meta({ description: 'where the context is an image, /api/contexts/{context}/image; absent of text' });

export const example = z
  .object({
    id: count.meta({ description: 'its rank, and its leaf in the tree' }),
    context: count,
    document: z.string(),
    image: exampleImage.optional(),
    position: count.meta({ description: 'of the peak among the tokens' }),
    activation: z.number(),
    tokens: z.array(z.string()).meta({
      description:
        'their texts; a character that several tokens spell stands at the first of them, and the others are empty',
    }),
    special: z.array(count).meta({
      description: 'positions of the special tokens (BOS, <|endoftext|>, padding), which are part of no word',
    }),
    activations: z.array(real).meta({ description: 'at every token, four significant digits' }),
  })
  .meta({ id: 'Example' });

export const feature = z
  .object({
    id: count.meta({
      description:
        "its place among the unit's features, from 0: the largest first, of equal sizes the one with the first example",
    }),
    size: count,
    name,
    words: z.array(z.string()),
    meanActivation: z.number(),
    central: count.meta({ description: 'id of the example that is most like the rest' }),
  })
  .meta({ id: 'Feature' });

const merge = z.tuple([count, count, z.number(), count]).meta({
  id: 'Merge',
  description: "a row of SciPy's Z: two clusters, their distance, the size of the result",
});

export const unitAnswer = unitSummary
  .extend({
    linkage: linkages,
    threshold: z.number(),
    rule: z.enum(featureRules).meta({
      description:
        'what the features are: auto, the best split by its silhouette; cut, the clusters at the threshold',
    }),
    stray: z.array(count).meta({
      description: 'ids of the examples that were given to the nearest feature; none where the tree was cut',
    }),
    merges: z.array(merge),
    leaves: z
      .object({ feature: z.array(count), activation: z.array(z.number()), peak: z.array(z.string()) })
      .meta({
        description: 'of every example: the id of its feature, its activation, and the token of its peak',
      }),
    features: z
      .array(
        feature
          .extend({ examples: z.array(example) })
          .meta({ id: 'FeatureWithExamples', description: 'by rank; the central one is always among them' }),
      )
      .meta({ description: 'by id' }),
    histogram: z
      .object({ lower: z.array(z.number()), upper: z.array(z.number()), counts: z.array(count) })
      .meta({
        description:
          'of the activations at all text tokens: the bins that are not empty, by rising activation',
      }),
    ranks: byMetric(
      z
        .object({ rank: z.int().min(1), of: z.int().min(1), ties: z.int().min(1) })
        .nullable()
        .meta({
          description:
            "1 + the bank's units with a larger number, of its units with a number; `ties`: those with this very number",
        }),
    ),
    neighbours: z
      .object({ previous: count.nullable(), next: count.nullable() })
      .meta({ description: 'in its bank' }),
  })
  .meta({ id: 'Unit' });

export const clusteringAnswer = z
  .object({
    linkage: linkages,
    threshold: z.number().nullable(),
    clusters: z
      .int()
      .nullable()
      .meta({ description: 'as asked; null where the tree was cut at a threshold, or not' }),
    merges: z.array(merge),
    order: z.array(count).meta({ description: 'the leaves from left to right' }),
    features: z.array(feature).meta({ description: 'by id' }),
    rule: z.enum(featureRules).meta({ description: 'what the features are, as of a unit' }),
    leaves: z
      .object({ feature: z.array(count) })
      .meta({ description: 'of every example: the id of its feature' }),
    stray: z.array(count).meta({
      description: 'ids of the examples that were given to the nearest feature; none where the tree was cut',
    }),
    metrics: columns(POLYSEMY).meta({ id: 'Polysemy' }),
  })
  .meta({ id: 'Clustering' });

export const distancesAnswer = z
  .object({ distances: array('f32', "condensed, in SciPy's order") })
  .meta({ id: 'Distances' });

export const vectorsAnswer = z
  .object({
    weights: array(
      'f32',
      "the unit's d input weights; absent of gated neurons, which have two rows",
    ).optional(),
    mean: array('f32', 'μ, the mean of h, d values, where embeddings are centred').optional(),
    embeddings: array(
      'f32',
      'neuron embeddings of the examples that were asked for: examples × d, row-major',
    ),
  })
  .meta({ id: 'Vectors' });

export const mapAnswer = z
  .object({
    x: array('f32', 'the first principal component of every example'),
    y: array('f32', 'the second'),
    variance: array('f64', 'their two shares of the total variance'),
    vectors: array('f32', 'with vectors=true: examples × d first components, row-major').optional(),
  })
  .meta({ id: 'Map' });

export const randomAnswer = z.object({ bank: z.string(), index: count }).meta({ id: 'RandomUnit' });

export type UnitSummaryAnswer = z.output<typeof unitSummary>;
export type UnitsAnswer = z.output<typeof unitsAnswer>;
export type MetricsAnswer = z.output<typeof metricsAnswer>;
export type ExampleAnswer = z.output<typeof example>;
export type FeatureAnswer = z.output<typeof feature>;
export type UnitAnswer = z.output<typeof unitAnswer>;
export type ClusteringAnswer = z.output<typeof clusteringAnswer>;
export type VectorsAnswer = z.output<typeof vectorsAnswer>;
export type MapAnswer = z.output<typeof mapAnswer>;
export type RandomAnswer = z.output<typeof randomAnswer>;
