import {
  createHashHistory,
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router';
import { banksQuery, queryClient, servedQuery, studyQuery, unitQuery } from '../source/query-options.ts';
import { queueQuery } from '../source/queue-queries.ts';
import { siteFolder } from '../source/site-folder.ts';
import { trainingsQuery } from '../source/training-queries.ts';
import { StudyPage } from '../study/study-page.tsx';
import { firstPage } from '../ui/first-page.ts';
import { Failure, Loading } from '../ui/states.tsx';
import {
  classifySearch,
  compareSearch,
  findSearch,
  parseSearch,
  probeSearch,
  stringifySearch,
  studySearch,
  trainingsSearch,
  unitSearch,
} from '../ui/url-state.ts';
import { App } from './app.tsx';
import { Lost } from './lost.tsx';

const root = createRootRoute({
  component: App,
  // What the frame shows depends on what is served. A server that does not answer is told of by the page.
  beforeLoad: async () => {
    const served = await queryClient
      .ensureQueryData(servedQuery)
      .catch(() => ({ study: true, trainings: false, queue: false }));
    if (served.study) void queryClient.prefetchQuery(studyQuery);
    return { served };
  },
  notFoundComponent: Lost,
});

/** Pages about a study: without one, the trainings or the queue are what there is to see. */
const needsStudy = ({
  context: { served },
}: {
  context: { served: { study: boolean; trainings: boolean } };
}) => {
  if (!served.study) throw redirect({ to: firstPage(served).to, replace: true });
};

const study = createRoute({
  getParentRoute: () => root,
  path: '/',
  validateSearch: studySearch,
  beforeLoad: needsStudy,
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
  beforeLoad: needsStudy,
  loader: ({ params: { bank, index } }) => {
    if (Number.isInteger(index)) void queryClient.prefetchQuery(unitQuery(bank, index));
  },
  component: lazyRouteComponent(() => import('../unit/unit-page.tsx'), 'UnitPage'),
});

const search = createRoute({
  getParentRoute: () => root,
  path: '/search',
  validateSearch: findSearch,
  beforeLoad: needsStudy,
  component: lazyRouteComponent(() => import('../search/search-page.tsx'), 'SearchPage'),
});

const probe = createRoute({
  getParentRoute: () => root,
  path: '/probe',
  validateSearch: probeSearch,
  beforeLoad: needsStudy,
  component: lazyRouteComponent(() => import('../explain/probe-page.tsx'), 'ProbePage'),
});

const classify = createRoute({
  getParentRoute: () => root,
  path: '/classify',
  validateSearch: classifySearch,
  beforeLoad: needsStudy,
  component: lazyRouteComponent(() => import('../classify/classify-page.tsx'), 'ClassifyPage'),
});

const compare = createRoute({
  getParentRoute: () => root,
  path: '/compare',
  validateSearch: compareSearch,
  beforeLoad: needsStudy,
  component: lazyRouteComponent(() => import('../compare/compare-page.tsx'), 'ComparePage'),
});

const trainings = createRoute({
  getParentRoute: () => root,
  path: '/trainings',
  validateSearch: trainingsSearch,
  loader: ({ context }) => {
    if (context.served.trainings) void queryClient.prefetchQuery(trainingsQuery);
  },
  component: lazyRouteComponent(() => import('../trainings/trainings-page.tsx'), 'TrainingsPage'),
});

const queue = createRoute({
  getParentRoute: () => root,
  path: '/queue',
  loader: ({ context }) => {
    if (context.served.queue) void queryClient.prefetchQuery(queueQuery);
  },
  component: lazyRouteComponent(() => import('../queue/queue-page.tsx'), 'QueuePage'),
});

const about = createRoute({
  getParentRoute: () => root,
  path: '/about',
  component: lazyRouteComponent(() => import('../about/about-page.tsx'), 'AboutPage'),
});

export const router = createRouter({
  // A host of files knows no pages: what is shown stands behind the # of the address.
  ...(siteFolder === null ? {} : { history: createHashHistory() }),
  routeTree: root.addChildren([study, unit, search, probe, classify, compare, trainings, queue, about]),
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
