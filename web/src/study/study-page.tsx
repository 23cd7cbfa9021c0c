import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { visible } from '../../../src/base/visible.ts';
import { studyQuery } from '../source/query-options.ts';
import { rememberStudySearch } from '../ui/last-study.ts';
import { Failure } from '../ui/states.tsx';
import { Overview } from './overview.tsx';
import { StudyHead } from './study-head.tsx';
import { UnitsPanel } from './units-panel.tsx';
import { useStudySearch } from './use-study-search.ts';

/** What was run, how polysemantic its units are, and all of them in a table. */
export function StudyPage() {
  const { search } = useStudySearch();
  useEffect(() => rememberStudySearch(search), [search]);
  const study = useQuery(studyQuery);
  if (study.error !== null) {
    return (
      <main id="main" className="page">
        <h1 className="sr">Study</h1>
        <Failure error={study.error} onRetry={() => void study.refetch()} />
      </main>
    );
  }
  return (
    <main id="main" className="page">
      <title>{study.data === undefined ? 'Polyseme' : `${visible(study.data.name)} · Polyseme`}</title>
      <StudyHead study={study.data} />
      <UnitsPanel />
      <Overview />
    </main>
  );
}
