import * as z from 'zod';
import { count } from './schemas.ts';
import { listedFeature } from './unit-answers.ts';

/** What the HTTP API gives of models of images. */

export const contextImage = z
  .string()
  .meta({ id: 'ContextImage', description: 'a PNG of what the model sees of an image', format: 'binary' });

export const imagesAnswer = z
  .object({
    images: z.array(z.object({ context: count, label: z.string().nullable(), document: z.string() })),
    total: count.meta({ description: 'images with the label that was asked for, or all' }),
    labels: z
      .array(z.object({ label: z.string(), images: count }))
      .meta({ description: 'what the images of the study show, in order' }),
  })
  .meta({ id: 'Images', description: 'images that examples of the study lie in; none in a study of text' });

const classes = z
  .array(z.string())
  .nullable()
  .meta({ description: 'names of the classes; null without a classifier' });
const byClass = z.array(z.number()).nullable();

export const classifyAnswer = z
  .object({
    classes,
    logits: byClass,
    probabilities: byClass,
    units: z
      .array(
        z
          .object({
            bank: z.string(),
            index: count,
            position: count.meta({ description: 'of the image where it is strongest' }),
            activation: z.number(),
            relative: z
              .number()
              .meta({ description: 'divided by its own maximum in the study; above 0 where it fires' }),
            shares: byClass.meta({
              description:
                'what it adds to each logit; null where its output does not reach the logits directly',
            }),
            feature: count
              .nullable()
              .meta({ description: 'that it fires with; null where it does not, or is too far from all' }),
            ...listedFeature,
            distances: z
              .array(z.number())
              .meta({ description: 'mean distance to the examples of each feature' }),
            embedding: z.array(z.number()).nullable().meta({
              description: 'h ⊙ w of this image, as the study centres it, where it was asked for',
            }),
          })
          .meta({ id: 'ClassifiedUnit' }),
      )
      .meta({ description: 'of each bank the most active first, at most 256' }),
  })
  .meta({ id: 'Classified', description: 'what the model makes of one image' });

export const outputWeightsAnswer = z
  .object({
    classes,
    output: byClass.meta({
      description: 'output weights by class; null where they do not reach the logits directly',
    }),
  })
  .meta({ id: 'OutputWeights' });

export const patchImportanceAnswer = z
  .object({
    bank: z.string(),
    index: count,
    patch: z.object({ height: count, width: count }).meta({ description: 'pixels of a patch' }),
    rows: count,
    columns: count,
    examples: z.array(
      z
        .object({
          example: count.meta({ description: 'its rank' }),
          feature: count,
          context: count,
          position: count.meta({ description: 'of the peak' }),
          activation: z.number(),
          drops: z.array(z.number()).meta({
            description:
              'by how much the activation falls, in the direction of its sign, where each patch has the mean colour of the image; row by row',
          }),
          importance: z
            .array(z.number())
            .nullable()
            .meta({ description: 'the drops divided by the activation, from 0 to 1; null where that is 0' }),
        })
        .meta({ id: 'PatchImportanceOfExample' }),
    ),
  })
  .meta({ id: 'PatchImportance' });

export const classEffectAnswer = z
  .object({
    bank: z.string(),
    index: count,
    classes: z.array(z.string()),
    images: count.meta({ description: 'that were run: those of the strongest examples' }),
    effects: z.array(z.number()).meta({
      description: 'by class, how much higher its logit is on average with the unit than without it',
    }),
    changed: z
      .number()
      .meta({ description: 'share of the images whose predicted class is another without it' }),
  })
  .meta({ id: 'ClassEffect' });

export type ClassifyAnswer = z.output<typeof classifyAnswer>;
export type OutputWeightsAnswer = z.output<typeof outputWeightsAnswer>;
export type ImagesAnswer = z.output<typeof imagesAnswer>;
export type PatchImportanceAnswer = z.output<typeof patchImportanceAnswer>;
export type ClassEffectAnswer = z.output<typeof classEffectAnswer>;
