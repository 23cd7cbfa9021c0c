import { ablationAnswer, directEffectAnswer } from '../../contract/explain-answers.ts';
import { ablateBody, unitParams } from '../../contract/queries.ts';
import { ablate } from '../../explain/ablate.ts';
import { directEffect } from '../../explain/direct-effect.ts';
import { type Route, route } from '../route.ts';

export const effectRoutes: readonly Route[] = [
  route({
    path: '/api/units/{bank}/{index}/direct-effect',
    summary: 'The tokens that a unit raises and lowers by itself',
    method: 'post',
    of: 'explain',
    params: unitParams,
    answer: directEffectAnswer,
    handle: (source, unit, _, signal) =>
      source.work(signal, (explained) => directEffect(explained, { ...unit, signal })),
  }),
  route({
    path: '/api/units/{bank}/{index}/ablation',
    summary: 'What the model predicts without a unit, or without one of its features',
    method: 'post',
    of: 'explain',
    params: unitParams,
    query: ablateBody,
    answer: ablationAnswer,
    handle: (source, unit, body, signal) =>
      source.work(signal, (explained) => ablate(explained, { ...unit, ...body, signal })),
  }),
];
