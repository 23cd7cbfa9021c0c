import { listedFeature } from '../../answers/listed-feature.ts';
import type { StudySource } from '../../answers/served-study.ts';
import { fourDigits } from '../../answers/wire.ts';
import {
  classEffectAnswer,
  classifyAnswer,
  outputWeightsAnswer,
  patchImportanceAnswer,
} from '../../contract/image-answers.ts';
import { imageGrid } from '../../contract/image-grid.ts';
import { classEffectBody, classifyBody, patchImportanceBody, unitParams } from '../../contract/queries.ts';
import { classEffect } from '../../explain/class-effect.ts';
import { Classifier } from '../../explain/classify.ts';
import type { Explained } from '../../explain/explained.ts';
import { patchImportance } from '../../explain/patch-importance.ts';
import { type Route, route } from '../route.ts';

export const imageRoutes: readonly Route[] = [
  route({
    path: '/api/classify',
    summary:
      'What the model makes of an image: logits, activations, what each unit adds, the feature it falls in',
    method: 'post',
    of: 'explain',
    query: classifyBody,
    answer: classifyAnswer,
    handle: (source, _, body, signal) =>
      source.work(signal, async (explained) => {
        const { classes, units, ...found } = await classifierOf(source.source, explained).classify({
          ...body,
          signal,
        });
        return {
          ...found,
          classes: classes && [...classes],
          logits: found.logits && [...found.logits],
          probabilities: found.probabilities && [...found.probabilities],
          units: units.map((unit) => ({
            ...unit,
            name: null,
            words: [],
            ...(unit.feature === null
              ? {}
              : listedFeature(source.source, source.source.row(unit.bank, unit.index), unit.feature)),
            shares: unit.shares === null ? null : unit.shares.map(fourDigits),
            distances: unit.distances.map(fourDigits),
            embedding: unit.embedding === null ? null : unit.embedding.map(fourDigits),
          })),
        };
      }),
  }),
  route({
    path: '/api/units/{bank}/{index}/patch-importance',
    summary:
      'How much each patch of an image counts: the activation where it has the mean colour of the image',
    method: 'post',
    of: 'explain',
    params: unitParams,
    query: patchImportanceBody,
    answer: patchImportanceAnswer,
    handle: (source, unit, body, signal) =>
      source.work(signal, async (explained) => {
        const { examples, ...found } = await patchImportance(explained, { ...unit, ...body, signal });
        return {
          ...found,
          examples: examples.map(({ drops, importance, ...one }) => ({
            ...one,
            drops: drops.map(fourDigits),
            importance: importance === null ? null : importance.map(fourDigits),
          })),
        };
      }),
  }),
  route({
    path: '/api/units/{bank}/{index}/class-effect',
    summary: 'What a unit does to the logits of the classes: its images with it and without it',
    method: 'post',
    of: 'explain',
    params: unitParams,
    query: classEffectBody,
    answer: classEffectAnswer,
    handle: (source, unit, body, signal) =>
      source.work(signal, async (explained) => {
        const { classes, effects, ...found } = await classEffect(explained, { ...unit, ...body, signal });
        return { ...found, classes: [...classes], effects: [...effects] };
      }),
  }),
  route({
    path: '/api/units/{bank}/{index}/output-weights',
    summary: 'What a unit of the last layer of a plain MLP over images adds to the logit of each class',
    method: 'post',
    of: 'explain',
    params: unitParams,
    answer: outputWeightsAnswer,
    handle: (explain, { bank, index }, _, signal) => {
      const { source } = explain;
      source.row(bank, index);
      const classes = imageGrid(source.info.model)?.classes ?? null;
      return explain.work(signal, async (explained) => {
        const own = await explained.bank(bank);
        const matrix = classes === null ? null : ((await own.classWeights?.()) ?? null);
        return {
          classes: classes && [...classes],
          output: matrix && classes!.map((_, c) => fourDigits(matrix[c * own.units + index]!)),
        };
      });
    },
  }),
];

const classifiers = new WeakMap<StudySource, Classifier>();

/** The classifier of a study at one revision, which keeps what it compiled and read. */
function classifierOf(source: StudySource, explained: Explained): Classifier {
  const known = classifiers.get(source);
  if (known !== undefined) return known;
  const classifier = new Classifier(explained);
  classifiers.set(source, classifier);
  return classifier;
}
