import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import { App } from './app.tsx';
import { banksQuery, queryClient, studyQuery, unitQuery } from './data/queries.ts';
import { Lost } from './pages/lost.tsx';
import { StudyPage } from './pages/study.tsx';
import { Failure, Loading } from './parts/states.tsx';
import { compareSearch, parseSearch, stringifySearch, studySearch, tableSearch, unitSearch } from './state/search.ts';

const root = createRootRoute({
  component: App,
  loader: () => void queryClient.prefetchQuery(studyQuery),
  notFoundComponent: Lost,
});

const study = createRoute({
  getParentRoute: () => root,
  path: '/',
  validateSearch: studySearch,
  loader: () => {
    void queryClient.prefetchQuery(banksQuery);
  },
  component: StudyPage,
});

const unit = createRoute({
  getParentRoute: () => root,
  path: '/unit/$bank/$index',
  params: {
    parse: ({ bank, index }) => ({ bank, index: /^\d+$/.test(index) ? Number(index) : Number.NaN }),
    stringify: ({ bank, index }) => ({ bank, index: String(index) }),
  },
  validateSearch: unitSearch,
  loader: ({ params: { bank, index } }) => {
    if (Number.isInteger(index)) void queryClient.prefetchQuery(unitQuery(bank, index));
  },
  component: lazyRouteComponent(() => import('./pages/unit.tsx'), 'UnitPage'),
});

const search = createRoute({
  getParentRoute: () => root,
  path: '/search',
  validateSearch: tableSearch,
  component: lazyRouteComponent(() => import('./pages/search.tsx'), 'SearchPage'),
});

const compare = createRoute({
  getParentRoute: () => root,
  path: '/compare',
  validateSearch: compareSearch,
  component: lazyRouteComponent(() => import('./pages/compare.tsx'), 'ComparePage'),
});

const about = createRoute({
  getParentRoute: () => root,
  path: '/about',
  component: lazyRouteComponent(() => import('./pages/about.tsx'), 'AboutPage'),
});

export const router = createRouter({
  routeTree: root.addChildren([study, unit, search, compare, about]),
  parseSearch,
  stringifySearch,
  defaultPreload: 'intent',
  defaultPreloadStaleTime: 0,
  defaultPendingComponent: () => <Loading what="page" />,
  defaultPendingMs: 150,
  defaultErrorComponent: ({ error }) => (
    <main className="page">
      <Failure error={error} />
    </main>
  ),
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
