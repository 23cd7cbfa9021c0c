import * as z from 'zod';
import { featureRules } from '../features/labeling.ts';
import { COMPARED, described, eachMetric, SUMMARY } from '../polysemy/column-lists.ts';
import { POLYSEMY } from '../polysemy/metrics.ts';
import { type Verdict, verdicts } from '../polysemy/verdict.ts';
import { LISTED_FEATURES, MATCHED_FEATURES, MATCHED_UNITS } from './constants.ts';
import { array } from './octets.ts';
import { byCompared, byMetric, columns, count, linkages, metrics, real } from './schemas.ts';

/**
 * What the HTTP API gives of a study. Routing, validation, and the OpenAPI document follow from these; a schema with
 * an id is a component of that document. Where there is no number, there is null.
 */

/** RFC 9457 problem details. */
export const problem = z
  .object({ type: z.string(), title: z.string(), status: z.int(), detail: z.string() })
  .meta({ id: 'Problem' });

export const health = z.object({ status: z.literal('ok') }).meta({ id: 'Health' });

export const servedAnswer = z
  .object({ study: z.boolean(), trainings: z.boolean() })
  .meta({ id: 'Served', description: 'what there is to be read here' });

export const studyAnswer = z
  .object({
    /** Of Polyseme. */
    version: z.string(),
    /** The study's file name. */
    name: z.string(),
    status: z.enum(['complete', 'unfinished']),
    model: z.record(z.string(), z.unknown()),
    data: z.record(z.string(), z.unknown()),
    options: z.record(z.string(), z.unknown()),
    banks: z.array(
      z.object({ name: z.string(), kind: z.string(), site: z.string(), units: count, width: count }),
    ),
    documents: count.nullable(),
    duplicateDocuments: count.nullable().meta({ description: 'left out because their text came before' }),
    sinks: z
      .record(z.string(), z.object({ threshold: z.number(), positions: count }))
      .nullable()
      .meta({
        description: 'text positions that are no examples, by the site where their norm is too large',
      }),
    documentsKept: z.boolean().meta({ description: 'whether the texts of documents can be read' }),
    contexts: count.nullable(),
    tokens: count.nullable().meta({ description: 'text tokens that the statistics are over' }),
    examples: count.meta({ description: 'examples of all units together' }),
    contentHash: z.string().nullable().meta({ description: 'SHA-256 of the content; null while unfinished' }),
    metrics: z.array(metrics).meta({ description: 'names that units can be sorted and filtered by' }),
    linkages: z.array(linkages),
  })
  .meta({ id: 'Study' });

export const documentAnswer = z
  .object({
    document: z.string(),
    characters: count.meta({ description: 'of the whole document, in UTF-16 code units' }),
    from: count.meta({ description: 'where the context begins' }),
    to: count.meta({ description: 'where it ends' }),
    before: z.string().meta({ description: 'the text before the context' }),
    passage: z.string().meta({ description: 'the text of the context' }),
    after: z.string().meta({ description: 'the text after it' }),
  })
  .meta({ id: 'Document', description: 'a document around one context, as it was read' });

export const quantiles = z
  .object({ count, min: real, q1: real, median: real, q3: real, max: real, mean: real })
  .meta({ id: 'Quantiles', description: 'over the units that have a number' });

export const banksAnswer = z
  .object({
    banks: z.array(
      z.object({
        name: z.string(),
        kind: z.string(),
        site: z.string(),
        units: count,
        width: count,
        analysed: count.meta({ description: 'units in the study: less than `units` while it is unfinished' }),
        dead: count.meta({ description: 'units without examples' }),
        verdicts: z
          .object(
            Object.fromEntries(verdicts.map((verdict) => [verdict, count])) as Record<Verdict, typeof count>,
          )
          .nullable()
          .meta({ description: 'units by verdict; null in a study of a version that had none' }),
        summary: byMetric(quantiles),
      }),
    ),
  })
  .meta({ id: 'Banks' });

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

const unitRow = unitSummary
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
const exampleImage = z
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

const foundPassage = z
  .object({
    example: count.meta({ description: 'its id' }),
    feature: count,
    activation: z.number(),
    context: count,
    document: z.string(),
    image: exampleImage.optional(),
    position: count.meta({ description: 'of the peak among the tokens' }),
    tokens: z.array(z.string()).meta({ description: 'those around the peak; none of an image' }),
    special: z.array(count),
    marked: z.array(count).meta({ description: 'positions of the tokens that hold what was searched for' }),
  })
  .meta({ id: 'FoundPassage' });

export const searchAnswer = z
  .object({
    units: z
      .array(
        unitRow
          .extend({
            found: count.meta({
              description: 'how many of its examples have the words within five tokens of their peak',
            }),
            matches: z
              .array(
                z.object({
                  feature: count,
                  size: count.meta({ description: 'its examples' }),
                  examples: count.meta({ description: 'those of them with the words' }),
                  ...listedFeature,
                }),
              )
              .meta({
                description: `the features with such examples, or whose name or words have the words of the query, at most ${MATCHED_FEATURES}; best first`,
              }),
            passage: foundPassage.nullable().meta({
              description: 'the best example of the first feature; null where only the unit was asked for',
            }),
          })
          .meta({ id: 'Match' }),
      )
      .meta({
        description:
          'units by name first, then by their best feature: the share of the unit’s examples that have the words and are of it, times how exactly its examples have them',
      }),
    total: count,
    facets: z
      .object({
        banks: z.array(z.object({ bank: z.string(), units: count })),
        separation: z.array(z.object({ min: z.number(), units: count })),
      })
      .meta({ description: 'how many units there would be of each bank, and with at least some separation' }),
  })
  .meta({ id: 'Matches' });

export const compareAnswer = z
  .object({
    matched: z.boolean().meta({
      description: 'whether all live units of the banks have one number of examples',
    }),
    banks: z.array(
      z.object({
        name: z.string(),
        metrics: byMetric(
          quantiles.extend({ interval: z.tuple([z.number(), z.number()]).nullable() }).meta({
            id: 'MedianWithInterval',
            description: 'interval: 95 % bootstrap interval of the median',
          }),
        ),
      }),
    ),
  })
  .meta({ id: 'Comparison' });

const interval = z.tuple([z.number(), z.number()]).meta({ description: '95 % bootstrap interval' });

const matchedMetric = quantiles
  .extend({
    interval: interval.nullable().meta({ description: '95 % bootstrap interval of the median' }),
    null: quantiles,
    histogram: z.array(count).meta({ description: 'units by the bins of `edges`' }),
    nullHistogram: z.array(count),
  })
  .meta({
    id: 'MatchedMetric',
    description: "over the compared units; null: where a unit's examples are replaced by unrelated ones",
  });

export const matchedAnswer = z
  .object({
    matched: z.literal(true),
    unequalDepth: z.array(z.string()).meta({
      description:
        'why no verdict is given: how the examples of a bank were chosen, where it was not at random among all positions that activate a unit',
    }),
    examples: count.meta({ description: 'of every compared unit: more are drawn down to this' }),
    mostUnits: count.meta({
      description: `units of a bank that are compared, at most: drawn by chance where there are more (${MATCHED_UNITS})`,
    }),
    linkage: linkages,
    threshold: z.number(),
    seed: count,
    resamples: count,
    banks: z.array(
      z
        .object({
          name: z.string(),
          units: count,
          dead: count.meta({ description: 'units without examples' }),
          tooFew: count.meta({ description: 'live units with fewer than `examples`: left out' }),
          compared: count.meta({ description: 'units that the metrics are over' }),
          belowNull: real.meta({
            description:
              'share of the compared units with fewer features than under the null, ties counting half: 0.5 means that the number of features does not tell their examples from unrelated ones',
          }),
          metrics: byCompared(matchedMetric),
        })
        .meta({ id: 'MatchedBank' }),
    ),
    edges: byCompared(z.array(z.number())).meta({
      description: 'of the bins: bin i is [edges[i], edges[i + 1]), the last one closed',
    }),
    differences: z.array(
      z
        .object({
          metric: z.enum(COMPARED),
          banks: z.tuple([z.string(), z.string()]).meta({ description: 'the first less the second' }),
          median: z.number(),
          medianInterval: interval,
          superiority: z.number().meta({
            description: 'chance that a unit of the first exceeds one of the second, ties counting half',
          }),
          superiorityInterval: interval,
          differs: z.boolean().nullable().meta({
            description:
              'whether superiorityInterval leaves 0.5 out; null where unequalDepth forbids a verdict',
          }),
        })
        .meta({ id: 'BankDifference' }),
    ),
  })
  .meta({ id: 'MatchedComparison' });

export type Problem = z.output<typeof problem>;
export type ServedAnswer = z.output<typeof servedAnswer>;
export type DocumentAnswer = z.output<typeof documentAnswer>;
export type StudyAnswer = z.output<typeof studyAnswer>;
export type Quantiles = z.output<typeof quantiles>;
export type BanksAnswer = z.output<typeof banksAnswer>;
export type UnitSummaryAnswer = z.output<typeof unitSummary>;
export type UnitsAnswer = z.output<typeof unitsAnswer>;
export type MetricsAnswer = z.output<typeof metricsAnswer>;
export type ExampleAnswer = z.output<typeof example>;
export type FeatureNameAnswer = z.output<typeof featureName>;
export type FeatureAnswer = z.output<typeof feature>;
export type UnitAnswer = z.output<typeof unitAnswer>;
export type ClusteringAnswer = z.output<typeof clusteringAnswer>;
export type VectorsAnswer = z.output<typeof vectorsAnswer>;
export type MapAnswer = z.output<typeof mapAnswer>;
export type RandomAnswer = z.output<typeof randomAnswer>;
export type SearchAnswer = z.output<typeof searchAnswer>;
export type CompareAnswer = z.output<typeof compareAnswer>;
export type MatchedAnswer = z.output<typeof matchedAnswer>;
