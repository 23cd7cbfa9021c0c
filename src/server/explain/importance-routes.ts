import { importanceAnswer } from '../../contract/explain-answers.ts';
import { importanceBody, unitParams } from '../../contract/queries.ts';
import { tokenImportance } from '../../explain/importance.ts';
import { type Route, route } from '../route.ts';

export const importanceRoutes: readonly Route[] = [
  route({
    path: '/api/units/{bank}/{index}/importance',
    summary: 'How much each token before the peak of an example counts: the activation without it',
    method: 'post',
    of: 'explain',
    params: unitParams,
    query: importanceBody,
    answer: importanceAnswer,
    handle: (source, unit, body, signal) =>
      source.work(signal, (explained) => tokenImportance(explained, { ...unit, ...body, signal })),
  }),
];
