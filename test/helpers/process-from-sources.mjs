// The `--import` of a process on the TypeScript of src/, for use by hand: what tests start is compiled beforehand (see
// compiled-sources.ts). A worker thread does not inherit loaders in Node 20, so each registers its own.
import 'tsx';
import { existsSync } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { fileURLToPath } from 'node:url';

const workerThreads = createRequire(import.meta.url)('node:worker_threads');
const { Worker } = workerThreads;

if (!Worker.ofSources) {
  workerThreads.Worker = class SourceWorker extends Worker {
    static ofSources = true;

    constructor(module, options = {}) {
      const source = module instanceof URL ? new URL(module.href.replace(/\.js$/, '.ts')) : null;
      if (source === null || !existsSync(fileURLToPath(source))) super(module, options);
      else {
        const load = `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(source.href)}); })`;
        super(load, { ...options, eval: true });
      }
    }
  };
  syncBuiltinESMExports();
}
