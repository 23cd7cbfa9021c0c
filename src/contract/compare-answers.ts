import * as z from 'zod';
import { COMPARED } from '../polysemy/column-lists.ts';
import { MATCHED_UNITS } from './constants.ts';
import { byCompared, byMetric, count, linkages, real } from './schemas.ts';
import { quantiles } from './study-answers.ts';

/** What the HTTP API gives for a comparison of banks. */

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

export type CompareAnswer = z.output<typeof compareAnswer>;
export type MatchedAnswer = z.output<typeof matchedAnswer>;
