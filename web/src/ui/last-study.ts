import type { StudySearch } from './url-state.ts';

let last: StudySearch = {};

/** How the study's page looked when it was left: filters, order and axes. */
export function lastStudySearch(): StudySearch {
  return last;
}

export function rememberStudySearch(search: StudySearch): void {
  last = search;
}
