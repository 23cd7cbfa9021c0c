import { get, getArrays, post, unitPath } from './http.ts';
import type { Source } from './source.ts';

/** The study's server. */
export const httpSource: Source = {
  isSite: false,
  pageModel: null,
  served: (signal) => get('/api/served', {}, signal),
  study: (signal) => get('/api/study', {}, signal),
  banks: (signal) => get('/api/banks', {}, signal),
  units: (params, signal) => get('/api/units', params, signal),
  metrics: (signal) => getArrays('/api/metrics', {}, signal),
  unit: (bank, index, signal) => get(unitPath(bank, index), { examples: 'all' }, signal),
  clustering: (bank, index, { linkage, cut }, signal) =>
    get(
      `${unitPath(bank, index)}/clustering`,
      { linkage, ...(cut === 'auto' ? { features: cut } : { threshold: cut }) },
      signal,
    ),
  certainty: (bank, index, signal) => get(`${unitPath(bank, index)}/certainty`, {}, signal),
  async distances(bank, index, signal) {
    const path = `${unitPath(bank, index)}/distances`;
    return (await getArrays<{ distances: Float32Array }>(path, {}, signal)).distances;
  },
  map: (bank, index, vectors, signal) =>
    getArrays(`${unitPath(bank, index)}/map`, vectors ? { vectors } : {}, signal),
  search: (params, signal) => get('/api/search', params, signal),
  compare: (banks, signal) => get('/api/compare', { banks: banks.join(',') }, signal),
  matched: (banks, signal) => get('/api/compare/matched', { banks: banks.join(',') }, signal),
  random: (bank) => get('/api/random', { bank }),
  notes: (bank, index, signal) => get('/api/notes', { bank, index }, signal),
  allNotes: (signal) => get('/api/notes', {}, signal),
  modelNames: (bank, index, signal) => get(`${unitPath(bank, index)}/model-names`, {}, signal),
  document: (context, around, signal) => get(`/api/contexts/${context}/document`, { around }, signal),
  probe: (question, signal) => post('/api/probe', question, signal),
  unitProbe: (bank, index, text, signal) => post(`${unitPath(bank, index)}/probe`, { text }, signal),
  importance: (bank, index, examples, signal) =>
    post(`${unitPath(bank, index)}/importance`, { examples }, signal),
  ablation: (bank, index, contexts, signal) =>
    post(`${unitPath(bank, index)}/ablation`, { contexts }, signal),
  image: (context) => `/api/contexts/${context}/image`,
};
