// The `--import` of a process on the TypeScript of src/, for use by hand: what tests start is compiled beforehand (see
// compiled-sources.ts). A worker thread does not inherit loaders in Node 20, so each registers its own; a process that is forked
// gets this module anew.
import 'tsx';
import { existsSync } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const workerThreads = require('node:worker_threads');
const childProcess = require('node:child_process');
const { Worker } = workerThreads;
const { fork } = childProcess;

/** The source of a module that is named as it will be compiled; null: it is none. */
function sourceOf(module) {
  const source = module instanceof URL ? new URL(module.href.replace(/\.js$/, '.ts')) : null;
  return source !== null && existsSync(fileURLToPath(source)) ? source : null;
}

if (!Worker.ofSources) {
  workerThreads.Worker = class SourceWorker extends Worker {
    static ofSources = true;

    constructor(module, options = {}) {
      const source = sourceOf(module);
      if (source === null) super(module, options);
      else {
        const load = `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(source.href)}); })`;
        super(load, { ...options, eval: true });
      }
    }
  };
  childProcess.fork = (module, ...rest) => {
    const source = sourceOf(module);
    if (source === null) return fork(module, ...rest);
    const [args, options] = Array.isArray(rest[0]) ? rest : [[], rest[0]];
    return fork(source, args, { ...options, execArgv: ['--import', import.meta.url] });
  };
  syncBuiltinESMExports();
}
