import { fourDigits } from '../../answers/wire.ts';
import {
  classEffectAnswer,
  classifyAnswer,
  patchImportanceAnswer,
  unitWeightsAnswer,
} from '../../contract/image-answers.ts';
import { classEffectBody, classifyBody, patchImportanceBody, unitParams } from '../../contract/queries.ts';
import { classEffect } from '../../explain/class-effect.ts';
import { classify } from '../../explain/classify.ts';
import { patchImportance } from '../../explain/patch-importance.ts';
import { imageGrid } from '../../study/image-grid.ts';
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
        const { classes, units, ...found } = await classify(explained, { ...body, signal });
        return {
          ...found,
          classes: classes && [...classes],
          logits: found.logits && [...found.logits],
          probabilities: found.probabilities && [...found.probabilities],
          units: units.map((unit) => ({
            ...unit,
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
    path: '/api/units/{bank}/{index}/weights',
    summary: 'A unit of a plain MLP over images: its input weights as an image, its output weights by class',
    method: 'post',
    of: 'explain',
    params: unitParams,
    answer: unitWeightsAnswer,
    handle: (explain, { bank, index }, _, signal) => {
      const { source } = explain;
      source.row(bank, index);
      const grid = imageGrid(source.info.model);
      const { weights, centre, embedding } = source.study.inputs(bank, index);
      const size = grid === null ? 0 : grid.channels * grid.height * grid.width;
      const input =
        grid !== null && grid.patch === null && embedding.kind === 'linear' && weights.length === size
          ? {
              channels: grid.channels,
              height: grid.height,
              width: grid.width,
              values: Array.from(weights, fourDigits),
              mean: centre === undefined ? null : Array.from(centre, fourDigits),
            }
          : null;
      const classes = grid?.classes ?? null;
      return explain.work(signal, async (explained) => {
        const own = await explained.bank(bank);
        const matrix = classes === null ? null : ((await own.classWeights?.()) ?? null);
        return {
          input,
          classes: classes && [...classes],
          output: matrix && classes!.map((_, c) => fourDigits(matrix[c * own.units + index]!)),
        };
      });
    },
  }),
];
