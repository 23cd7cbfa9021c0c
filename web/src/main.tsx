import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { router } from './app/router.tsx';
import { chooseSource } from './source/chosen.ts';
import { queryClient } from './source/query-options.ts';
import { siteFolder } from './source/site-folder.ts';
import './styles/theme.css';
import './styles/base.css';
import './styles/layout.css';
import './styles/bar.css';
import './styles/parts.css';
import './styles/table.css';
import './styles/figures.css';
import './styles/unit.css';
import './styles/metrics.css';
import './styles/feature.css';
import './styles/passage.css';
import './styles/explain.css';

const root = createRoot(document.getElementById('root')!);

/** The pages of a server come with their study; a site's data is opened first. */
async function start(): Promise<void> {
  if (siteFolder !== null) {
    const [{ openSite }, { fetchedFiles }] = await Promise.all([
      import('./source/site/site-source.ts'),
      import('./source/site/site-files.ts'),
    ]);
    chooseSource(await openSite(fetchedFiles(siteFolder), siteFolder));
  }
  root.render(
    <StrictMode>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
}

start().catch((error: unknown) => {
  root.render(
    <main className="page">
      <h1>This site cannot be opened</h1>
      <p role="alert">{error instanceof Error ? error.message : String(error)}</p>
    </main>,
  );
});
