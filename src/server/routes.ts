import { certaintyAnswer } from '../answers/certainty-answer.ts';
import { clusteringAnswer } from '../answers/clustering.ts';
import { compareAnswer, matchedAnswer } from '../answers/comparisons.ts';
import { documentAnswer } from '../answers/document-answer.ts';
import { banksAnswer, metricsAnswer, randomAnswer, unitsAnswer } from '../answers/lists.ts';
import { mapAnswer } from '../answers/map.ts';
import { searchAnswer } from '../answers/search-answer.ts';
import type { StudySource } from '../answers/served-study.ts';
import { studyAnswer } from '../answers/study-answer.ts';
import { unitAnswer } from '../answers/unit-answer.ts';
import { vectorsAnswer } from '../answers/vectors-answer.ts';
import * as compareAnswers from '../contract/compare-answers.ts';
import { MATCHED_UNITS } from '../contract/constants.ts';
import * as queries from '../contract/queries.ts';
import { queueAnswer } from '../contract/queue-answers.ts';
import * as searchAnswers from '../contract/search-answers.ts';
import * as studyAnswers from '../contract/study-answers.ts';
import { trainingLogAnswer, trainingLogQuery, trainingsAnswer } from '../contract/training-answers.ts';
import * as unitAnswers from '../contract/unit-answers.ts';
import { certainty } from '../features/certainty.ts';
import { explainRoutes } from './explain/routes.ts';
import { imageStudyRoutes } from './image-study-routes.ts';
import { type Route, route } from './route.ts';

/** Examples whose distances and trees are a matter of milliseconds. */
const FEW_EXAMPLES = 200;

function hasManyExamples(source: StudySource, { bank, index }: { bank: string; index: number }): boolean {
  return source.table.summary(source.row(bank, index)).examples > FEW_EXAMPLES;
}

export const routes: readonly Route[] = [
  route({
    path: '/healthz',
    summary: 'Whether the server answers',
    of: 'server',
    answer: studyAnswers.health,
    handle: () => ({ status: 'ok' as const }),
  }),
  route({
    path: '/api/served',
    summary: 'What is served: a study, trainings, a queue, or several of these',
    of: 'server',
    answer: studyAnswers.servedAnswer,
    handle: (served) => served,
  }),
  route({
    path: '/api/study',
    summary: 'What was run, with which options, and how much came of it',
    answer: studyAnswers.studyAnswer,
    handle: (source) => studyAnswer(source),
  }),
  route({
    path: '/api/banks',
    summary: 'The banks, with a summary of every metric',
    answer: studyAnswers.banksAnswer,
    handle: banksAnswer,
  }),
  route({
    path: '/api/contexts/{context}/document',
    summary: 'The document that a context is from, around it',
    params: queries.contextParams,
    query: queries.documentQuery,
    answer: studyAnswers.documentAnswer,
    handle: ({ study }, { context }, { around }) => documentAnswer(study, context, around),
  }),
  route({
    path: '/api/units',
    summary: 'Units, sorted and filtered, a page at a time',
    query: queries.unitsQuery,
    answer: unitAnswers.unitsAnswer,
    handle: (source, _, query) => unitsAnswer(source, query),
  }),
  route({
    path: '/api/metrics',
    summary: 'Numbers of all units, by column',
    query: queries.metricsQuery,
    answer: unitAnswers.metricsAnswer,
    octets: true,
    handle: (source, _, { bank, metrics }) => metricsAnswer(source, bank, metrics),
  }),
  route({
    path: '/api/units/{bank}/{index}',
    summary: 'One unit: statistics, metrics, tree, features with examples',
    params: queries.unitParams,
    query: queries.unitQuery,
    answer: unitAnswers.unitAnswer,
    handle: (source, { bank, index }, { examples }) => unitAnswer(source, bank, index, examples),
  }),
  route({
    path: '/api/units/{bank}/{index}/clustering',
    summary: 'A unit cut or clustered anew',
    params: queries.unitParams,
    query: queries.clusteringQuery,
    answer: unitAnswers.clusteringAnswer,
    isHeavy: hasManyExamples,
    handle: (source, { bank, index }, query) =>
      clusteringAnswer(source.space(bank, index), query, source.clustering),
  }),
  route({
    path: '/api/units/{bank}/{index}/certainty',
    summary:
      "How sure a unit's features are: against one cloud of the same mean and covariance, and of each feature whether it is found again. Takes a second, then it is kept beside the study",
    params: queries.unitParams,
    answer: certainty,
    isHeavy: () => true,
    handle: (source, { bank, index }) => certaintyAnswer(source, bank, index),
  }),
  route({
    path: '/api/units/{bank}/{index}/distances',
    summary: "Distances between a unit's examples",
    params: queries.unitParams,
    answer: unitAnswers.distancesAnswer,
    octets: true,
    isHeavy: hasManyExamples,
    handle: (source, { bank, index }) => ({ distances: source.space(bank, index).distances }),
  }),
  route({
    path: '/api/units/{bank}/{index}/vectors',
    summary:
      "A unit's input weights, and neuron embeddings of its examples, as the study's distances are made of them",
    params: queries.unitParams,
    query: queries.vectorsQuery,
    answer: unitAnswers.vectorsAnswer,
    octets: true,
    handle: (source, { bank, index }, { examples }) => vectorsAnswer(source, bank, index, examples ?? []),
  }),
  route({
    path: '/api/units/{bank}/{index}/map',
    summary:
      "Places of a unit's examples: principal components of their neuron embeddings, scaled to unit length",
    params: queries.unitParams,
    query: queries.mapQuery,
    answer: unitAnswers.mapAnswer,
    octets: true,
    isHeavy: hasManyExamples,
    handle: (source, { bank, index }, { vectors }) => {
      const space = source.space(bank, index);
      return mapAnswer({ count: space.count, components: (count) => space.components(count) }, vectors);
    },
  }),
  ...imageStudyRoutes,
  route({
    path: '/api/random',
    summary: 'A unit by chance, one with examples where there is one',
    query: queries.randomQuery,
    answer: unitAnswers.randomAnswer,
    fresh: true,
    handle: (source, _, { bank }) => randomAnswer(source, bank),
  }),
  route({
    path: '/api/search',
    summary:
      'Units by the words around the peaks of their examples, by the names and words of their features, or by name',
    query: queries.searchQuery,
    answer: searchAnswers.searchAnswer,
    handle: (source, _, query) => searchAnswer(source, query),
  }),
  route({
    path: '/api/compare',
    summary: 'Banks side by side',
    query: queries.compareQuery,
    answer: compareAnswers.compareAnswer,
    isHeavy: () => true,
    handle: (source, _, { banks }) => compareAnswer(source, banks),
  }),
  route({
    path: '/api/compare/matched',
    summary: `Banks side by side at equal numbers of examples, with a null: at most ${MATCHED_UNITS} units per bank, drawn at random and split anew`,
    query: queries.matchedQuery,
    answer: compareAnswers.matchedAnswer,
    isHeavy: () => true,
    handle: (source, _, { banks }) => matchedAnswer(source, banks),
  }),
  route({
    path: '/api/queue',
    summary: 'What goes on in a queue: runs, workers, failures, and what is far slower than the median',
    of: 'queue',
    answer: queueAnswer,
    fresh: true,
    handle: (queue) => queue.answer(),
  }),
  route({
    path: '/api/trainings',
    summary: 'SAEs that are being trained, or were: settings, how far they have come, and their last figures',
    of: 'trainings',
    answer: trainingsAnswer,
    fresh: true,
    handle: (trainings) => trainings.list(),
  }),
  route({
    path: '/api/trainings/log',
    summary: 'What a training has logged, by column: all of it, or what came after a step',
    of: 'trainings',
    query: trainingLogQuery,
    answer: trainingLogAnswer,
    fresh: true,
    handle: (trainings, _, { name, after }) => trainings.log(name, after),
  }),
  ...explainRoutes,
];
