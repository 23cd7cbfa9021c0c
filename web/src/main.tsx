import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { router } from './app/router.tsx';
import { queryClient } from './source/query-options.ts';
import './styles/theme.css';
import './styles/base.css';
import './styles/layout.css';
import './styles/parts.css';
import './styles/table.css';
import './styles/figures.css';
import './styles/unit.css';
import './styles/metrics.css';
import './styles/feature.css';
import './styles/passage.css';
import './styles/explain.css';

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);
