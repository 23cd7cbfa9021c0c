import { keepPreviousData, QueryClient, queryOptions } from '@tanstack/react-query';
import type {
  Banks,
  Certainty,
  Clustering,
  Comparison,
  LinkageMethod,
  MatchedComparison,
  Matches,
  Metrics,
  Served,
  Study,
  Unit,
  UnitMap,
  Units,
} from './answers.ts';
import { ApiError, get, getArrays, type Params, unitPath } from './http.ts';

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
  queryFn: ({ signal }) => get<Served>('/api/served', {}, signal),
});

export const studyQuery = queryOptions({
  queryKey: ['study'],
  queryFn: ({ signal }) => get<Study>('/api/study', {}, signal),
});

export const banksQuery = queryOptions({
  queryKey: ['banks'],
  queryFn: async ({ signal }) => (await get<Banks>('/api/banks', {}, signal)).banks,
});

/** Every metric of every unit. */
export const metricsQuery = queryOptions({
  queryKey: ['metrics'],
  queryFn: async ({ client, signal }) => {
    const [{ banks }, columns] = await Promise.all([
      client.ensureQueryData(studyQuery),
      getArrays<Metrics>('/api/metrics', {}, signal),
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
    queryFn: ({ signal }) =>
      get<Units>('/api/units', { ...params, limit: PAGE, offset: page * PAGE }, signal),
  });

export const unitQuery = (bank: string, index: number) =>
  queryOptions({
    queryKey: ['unit', bank, index],
    queryFn: ({ signal }) => get<Unit>(unitPath(bank, index), { examples: 'all' }, signal),
    placeholderData: keepPreviousData,
  });

/** The tree of a linkage, with words and metrics of a cut, or of the best split. */
export const clusteringQuery = (bank: string, index: number, linkage: LinkageMethod, cut: number | 'auto') =>
  queryOptions({
    queryKey: ['clustering', bank, index, linkage, cut],
    queryFn: ({ signal }) =>
      get<Clustering>(
        `${unitPath(bank, index)}/clustering`,
        { linkage, ...(cut === 'auto' ? { features: cut } : { threshold: cut }) },
        signal,
      ),
  });

/** How sure a unit's features are: a second's work of the server, the first time. */
export const certaintyQuery = (bank: string, index: number) =>
  queryOptions({
    queryKey: ['certainty', bank, index],
    queryFn: ({ signal }) => get<Certainty>(`${unitPath(bank, index)}/certainty`, {}, signal),
  });

/** Condensed distances between a unit's examples: they do not depend on linkage or cut. */
export const distancesQuery = (bank: string, index: number) =>
  queryOptions({
    queryKey: ['distances', bank, index],
    queryFn: async ({ signal }) => {
      const path = `${unitPath(bank, index)}/distances`;
      const { distances } = await getArrays<{ distances: Float32Array }>(path, {}, signal);
      return Float64Array.from(distances);
    },
    structuralSharing: false,
  });

export const mapQuery = (bank: string, index: number) =>
  queryOptions({
    queryKey: ['map', bank, index],
    queryFn: ({ signal }) => getArrays<UnitMap>(`${unitPath(bank, index)}/map`, {}, signal),
    structuralSharing: false,
  });

export const vectorsQuery = (bank: string, index: number) =>
  queryOptions({
    queryKey: ['vectors', bank, index],
    queryFn: ({ signal }) => getArrays<UnitMap>(`${unitPath(bank, index)}/map`, { vectors: true }, signal),
    structuralSharing: false,
  });

export const searchQuery = (q: string) =>
  queryOptions({
    queryKey: ['search', q],
    queryFn: ({ signal }) => get<Matches>('/api/search', { q, limit: 100 }, signal),
    enabled: q.trim() !== '',
    placeholderData: keepPreviousData,
  });

export const compareQuery = (banks: readonly string[]) =>
  queryOptions({
    queryKey: ['compare', banks],
    queryFn: ({ signal }) => get<Comparison>('/api/compare', { banks: banks.join(',') }, signal),
    enabled: banks.length > 0,
  });

/** Units split again, at equal numbers of examples: it takes the server seconds. */
export const matchedQuery = (banks: readonly string[]) =>
  queryOptions({
    queryKey: ['compare-matched', banks],
    queryFn: ({ signal }) =>
      get<MatchedComparison>('/api/compare/matched', { banks: banks.join(',') }, signal),
  });

/** A unit drawn by chance; never remembered. */
export function randomUnit(bank?: string): Promise<{ bank: string; index: number }> {
  return get('/api/random', { bank });
}
