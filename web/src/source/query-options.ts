import { keepPreviousData, QueryClient, queryOptions } from '@tanstack/react-query';
import type { LinkageMethod } from './answers.ts';
import { source } from './chosen.ts';
import { ApiError } from './http.ts';
import type { Params } from './source.ts';

/** A study does not change while it is served, so nothing goes stale; big answers leave memory after a while. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: Number.POSITIVE_INFINITY,
      gcTime: 5 * 60_000,
      refetchOnWindowFocus: false,
      networkMode: 'always',
      retry: (failures, error) => failures < 1 && !(error instanceof ApiError && error.status >= 400),
      retryDelay: 300,
    },
  },
});

/** Whether there is a study here, and trainings. */
export const servedQuery = queryOptions({
  queryKey: ['served'],
  queryFn: ({ signal }) => source().served(signal),
});

export const studyQuery = queryOptions({
  queryKey: ['study'],
  queryFn: ({ signal }) => source().study(signal),
});

export const banksQuery = queryOptions({
  queryKey: ['banks'],
  queryFn: async ({ signal }) => (await source().banks(signal)).banks,
});

/** Every metric of every unit. */
export const metricsQuery = queryOptions({
  queryKey: ['metrics'],
  queryFn: async ({ client, signal }) => {
    const [{ banks }, columns] = await Promise.all([
      client.ensureQueryData(studyQuery),
      source().metrics(signal),
    ]);
    return { banks: banks.map(({ name }) => name), columns };
  },
  structuralSharing: false,
});

/** Rows that the table asks for at once. */
export const PAGE = 100;

export const unitsQuery = (params: Params, page: number) =>
  queryOptions({
    queryKey: ['units', params, page],
    queryFn: ({ signal }) => source().units({ ...params, limit: PAGE, offset: page * PAGE }, signal),
  });

export const unitQuery = (bank: string, index: number) =>
  queryOptions({
    queryKey: ['unit', bank, index],
    queryFn: ({ signal }) => source().unit(bank, index, signal),
    placeholderData: keepPreviousData,
  });

/** The tree of a linkage, with words and metrics of a cut, or of the best split. */
export const clusteringQuery = (bank: string, index: number, linkage: LinkageMethod, cut: number | 'auto') =>
  queryOptions({
    queryKey: ['clustering', bank, index, linkage, cut],
    queryFn: ({ signal }) => source().clustering(bank, index, { linkage, cut }, signal),
  });

/** How sure a unit's features are: a second's work of the server, the first time. */
export const certaintyQuery = (bank: string, index: number) =>
  queryOptions({
    queryKey: ['certainty', bank, index],
    queryFn: ({ signal }) => source().certainty(bank, index, signal),
  });

/** Condensed distances between a unit's examples: they do not depend on linkage or cut. */
export const distancesQuery = (bank: string, index: number) =>
  queryOptions({
    queryKey: ['distances', bank, index],
    queryFn: async ({ signal }) => {
      const distances = await source().distances(bank, index, signal);
      return distances && Float64Array.from(distances);
    },
    structuralSharing: false,
  });

export const mapQuery = (bank: string, index: number) =>
  queryOptions({
    queryKey: ['map', bank, index],
    queryFn: ({ signal }) => source().map(bank, index, false, signal),
    structuralSharing: false,
  });

export const vectorsQuery = (bank: string, index: number) =>
  queryOptions({
    queryKey: ['vectors', bank, index],
    queryFn: ({ signal }) => source().map(bank, index, true, signal),
    structuralSharing: false,
  });

/** Units that a search shows at once. */
export const FOUND_PAGE = 25;

/** A page of what a search finds. @param page from 0 */
export const searchQuery = (params: Params & { readonly q: string }, page = 0) =>
  queryOptions({
    queryKey: ['search', params, page],
    queryFn: ({ signal }) =>
      source().search({ ...params, limit: FOUND_PAGE, offset: page * FOUND_PAGE }, signal),
    enabled: params.q.trim() !== '',
    placeholderData: keepPreviousData,
  });

export const compareQuery = (banks: readonly string[]) =>
  queryOptions({
    queryKey: ['compare', banks],
    queryFn: ({ signal }) => source().compare(banks, signal),
    enabled: banks.length > 0,
  });

/** Units split again, at equal numbers of examples: it takes the server seconds. */
export const matchedQuery = (banks: readonly string[]) =>
  queryOptions({
    queryKey: ['compare-matched', banks],
    queryFn: ({ signal }) => source().matched(banks, signal),
  });

/** A unit drawn by chance; never remembered. */
export function randomUnit(bank?: string): Promise<{ bank: string; index: number }> {
  return source().random(bank);
}

/** The document around a context, so many characters to each side. */
export const documentQuery = (context: number, around: number) =>
  queryOptions({
    queryKey: ['document', context, around],
    queryFn: ({ signal }) => source().document(context, around, signal),
    // Further around the same context: what is there stays while the rest comes.
    placeholderData: keepPreviousData,
  });
