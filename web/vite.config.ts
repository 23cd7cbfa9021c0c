import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
/** Where `vite` finds a study while the explorer is worked on. */
const api = process.env.POLYSEME_API ?? 'http://127.0.0.1:7423';

export default defineConfig({
  root: here('.'),
  // Chunks find each other wherever they lie: in a site that may be any path. The server's pages lie at several depths, though, so
  // that their own links are from the root.
  base: './',
  plugins: [
    react(),
    {
      name: 'links-from-root',
      apply: 'build',
      transformIndexHtml: { order: 'post', handler: (html) => html.replaceAll('="./', '="/') },
    },
  ],
  build: {
    outDir: here('../dist/web'),
    emptyOutDir: true,
    target: 'es2022',
    // The content security policy allows no inlined scripts or fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 400,
  },
  worker: { format: 'es' },
  server: { proxy: { '/api': api, '/openapi.json': api, '/healthz': api } },
});
