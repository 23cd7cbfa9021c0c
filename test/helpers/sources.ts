import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { vi } from 'vitest';
import { writeSite } from '../../src/export/site/write-site.ts';
import { createServer } from '../../src/server/api.ts';
import type { Study } from '../../src/study/study.ts';
import { httpSource } from '../../web/src/source/http-source.ts';
import { openSite } from '../../web/src/source/site/site-source.ts';
import type { Source } from '../../web/src/source/source.ts';

/** The explorer's two sources over one study: its server, and the site that it is exported as, in `folder`. */
export async function bothSources(study: Study, folder: string): Promise<{ http: Source; site: Source }> {
  const server = createServer(study);
  vi.stubGlobal('fetch', (path: string, init?: RequestInit) =>
    server.fetch(new Request(`http://localhost${path}`, init)),
  );
  const webRoot = join(folder, 'web');
  mkdirSync(webRoot, { recursive: true });
  writeFileSync(join(webRoot, 'index.html'), '<!doctype html><head><meta charset="utf-8" /></head>');
  const out = join(folder, 'site');
  const { data } = await writeSite(study, out, { webRoot });
  const site = await openSite(
    async (path) => new Uint8Array(readFileSync(join(out, data, path))),
    `http://localhost/${data}/`,
  );
  return { http: httpSource, site };
}
