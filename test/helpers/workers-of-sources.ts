// A set-up file of Vitest: a worker thread, which runs without Vitest, is started on the compiled form of its module.
import { existsSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import workerThreads, { Worker, type WorkerOptions } from 'node:worker_threads';
import { inject } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** The compiled form of a module of the sources; any other module is left as it is. */
function compiledModule(module: string | URL): string | URL {
  if (!(module instanceof URL) || existsSync(module)) return module;
  return pathToFileURL(join(inject('compiledSources'), relative(ROOT, fileURLToPath(module))));
}

workerThreads.Worker = class extends Worker {
  constructor(module: string | URL, options?: WorkerOptions) {
    super(compiledModule(module), options);
  }
};
syncBuiltinESMExports();
