import * as z from 'zod';
import { count, real } from './schemas.ts';
import { featureShares, listedFeature, name } from './unit-answers.ts';

/** What the HTTP API gives of a reader's own text, and of features that are alike. */

const words = z.array(z.string()).meta({ description: 'of the feature, at most five' });

const probedText = {
  tokens: z.array(z.string()).meta({ description: 'as in Example' }),
  special: z.array(count).meta({ description: 'positions of special tokens: nothing fires there' }),
  windows: z.array(count).meta({
    description: "where each window begins: more than one where the text is longer than the study's contexts",
  }),
  windowLength: count.meta({ description: 'tokens of a full window' }),
};

const unitFiring = z
  .object({
    position: count,
    activation: real.meta({ description: 'four significant digits' }),
    relative: real.meta({ description: "divided by the unit's own maximum over the study's text" }),
    feature: count
      .nullable()
      .meta({ description: 'id of the feature that the firing belongs to; null: too far from all' }),
    distances: z
      .array(real)
      .meta({ description: 'mean cosine distance to the examples of each feature, by id' }),
    name: name.meta({ description: 'of the feature' }),
    words,
  })
  .meta({ id: 'UnitFiring' });

const firing = unitFiring.extend({ bank: z.string(), index: count }).meta({ id: 'Firing' });

export const probeAnswer = z
  .object({
    ...probedText,
    firings: z.array(firing).meta({ description: 'by position, the strongest first' }),
    missing: z
      .array(z.object({ bank: z.string(), reason: z.string() }))
      .meta({ description: 'banks that could not be run, and why' }),
  })
  .meta({ id: 'Probe' });

export const unitProbeAnswer = z
  .object({
    ...probedText,
    activations: z.array(real).meta({ description: 'at every token, four significant digits' }),
    firings: z.array(unitFiring).meta({ description: 'by position' }),
  })
  .meta({ id: 'UnitProbe' });

const passage = z
  .object({
    document: z.string(),
    tokens: z.array(z.string()),
    special: z.array(count),
    position: count.meta({ description: 'of the peak' }),
    activation: real,
  })
  .meta({ id: 'Passage' });

export const similarAnswer = z
  .object({
    similar: z.array(
      z
        .object({
          bank: z.string(),
          index: count,
          feature: count,
          similarity: real,
          ...listedFeature,
          ...featureShares,
          passage: passage.meta({ description: 'the central example' }),
        })
        .meta({ id: 'SimilarFeature' }),
    ),
  })
  .meta({ id: 'Similar', description: 'features of other units, the most similar first' });

export type ProbeAnswer = z.output<typeof probeAnswer>;
export type UnitProbeAnswer = z.output<typeof unitProbeAnswer>;
export type SimilarAnswer = z.output<typeof similarAnswer>;
