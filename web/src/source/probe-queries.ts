import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import type { ProbeAnswer, SimilarAnswer, UnitProbeAnswer } from '../../../src/contract/probe-answers.ts';
import type { Similarity } from '../../../src/explain/similarities.ts';
import { source } from './chosen.ts';
import { get, unitPath } from './http.ts';

export type Probe = ProbeAnswer;
export type UnitProbe = UnitProbeAnswer;
export type Firing = ProbeAnswer['firings'][number];
export type UnitFiring = UnitProbeAnswer['firings'][number];
export type Similar = SimilarAnswer['similar'][number];

/** Units listed of a token. */
const TOP = 10;

/** The units that fire on a text; a request that is no longer wanted is aborted. */
export const probeQuery = (text: string, bank: string | undefined) =>
  queryOptions({
    queryKey: ['probe', text, bank],
    queryFn: ({ signal }) => source().probe({ text, bank, top: TOP }, signal),
    enabled: text !== '',
    placeholderData: keepPreviousData,
  });

/** One unit on a text. */
export const unitProbeQuery = (bank: string, index: number, text: string) =>
  queryOptions({
    queryKey: ['unit-probe', bank, index, text],
    queryFn: ({ signal }) => source().unitProbe(bank, index, text, signal),
    enabled: text !== '',
  });

/** The features most like one: the first answer of a study may take seconds. */
export const similarQuery = (bank: string, index: number, feature: number, by: Similarity) =>
  queryOptions({
    queryKey: ['similar', bank, index, feature, by],
    queryFn: async ({ signal }) =>
      (await get<SimilarAnswer>(`${unitPath(bank, index)}/similar`, { feature, by, limit: 8 }, signal))
        .similar,
  });
