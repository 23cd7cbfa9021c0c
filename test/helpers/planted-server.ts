import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { createServer } from '../../src/server/api.ts';
import { openStudy } from '../../src/study/open-study.ts';
import { plantedStudy } from '../explain/planted.ts';
import { apiClient } from './api-client.ts';

/** A study of the planted model, served, with a client; `close` ends it and removes its files. */
export async function plantedServer() {
  const files = await plantedStudy();
  const study = openStudy(files.study);
  const server = createServer(study, { threads: 1, log: () => {} });
  const api = await apiClient(server);
  return {
    files,
    study,
    server,
    api,
    async close() {
      await server.close();
      study.close();
      rmSync(dirname(files.study), { recursive: true, force: true });
    },
  };
}
