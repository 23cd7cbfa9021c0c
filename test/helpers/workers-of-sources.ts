// A set-up file of Vitest: worker threads and processes of modules, which run without Vitest, are started on the compiled
// form of their module.
import childProcess, { type ForkOptions } from 'node:child_process';
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

// Once in a process, which files of tests may share.
if (!('ofSources' in workerThreads.Worker)) {
  workerThreads.Worker = class extends Worker {
    static readonly ofSources = true;

    constructor(module: string | URL, options?: WorkerOptions) {
      super(compiledModule(module), options);
    }
  };
  // Taken out before it is replaced: the binding of an import would be replaced, too.
  const { fork } = childProcess;
  const startProcess = (module: URL, ...rest: [ForkOptions?] | [readonly string[], ForkOptions?]) =>
    fork(compiledModule(module), ...(rest as [readonly string[], ForkOptions?]));
  childProcess.fork = startProcess as typeof fork;
  syncBuiltinESMExports();
}
