import { useNavigate, useSearch } from '@tanstack/react-router';
import { firstOrder } from '../ui/metric-info.ts';
import { ranges, type StudySearch } from '../ui/url-state.ts';

/** What the study's page shows, which lies in its address, and the way to change it. */
export function useStudySearch() {
  const search = useSearch({ from: '/' });
  const navigate = useNavigate({ from: '/' });
  const change = (changes: Partial<StudySearch>) =>
    void navigate({ search: (before) => ({ ...before, ...changes }), replace: true, resetScroll: false });
  return { search, change };
}

/** What the table asks for: the query of the HTTP API. */
export function unitParams(search: StudySearch) {
  const { sort = 'verdict', order = firstOrder(sort), bank, verdict, q } = search;
  return { bank, sort: sort === 'unit' ? undefined : sort, order, verdict, q, ...ranges({ ...search }) };
}
