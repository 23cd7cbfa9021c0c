// Builds everything that is published: kernels → WebAssembly inside a TypeScript module, sources → dist/, the corpus →
// dist/data/, the explorer → dist/web/. Each of the four is made anew only if something that it reads has changed since
// (dist/build.json keeps a digest of that), or if what it made is gone. `--force` makes all of them.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, extname, join, normalize } from 'node:path';
import { buildKernels, fieldSources, kernelSources } from './kernels.mjs';

const STAMP = 'dist/build.json';
/** What every part depends on: the tools' versions and the scripts themselves. */
const TOOLS = ['package.json', 'package-lock.json', 'scripts/build.mjs'];

const node = (...args) => execFileSync(process.execPath, args, { stdio: 'inherit' });

/** In the order in which they are made: each may read what those before it have made. */
const PARTS = {
  kernels: {
    reads: () => [...filesOf('kernels'), 'scripts/kernels.mjs', 'scripts/kernel-fields.mjs'],
    makes: () =>
      [...kernelSources(), ...fieldSources()].map((path) => path.replace('kernels/', 'src/wasm/generated/')),
    make: buildKernels,
  },
  sources: {
    reads: () => [...filesOf('src'), 'tsconfig.json'],
    makes: () => filesOf('src').map((path) => path.replace(/^src/, 'dist').replace(/\.ts$/, '.js')),
    make() {
      // What is left of sources that are gone must not be published; data and web are parts of their own.
      for (const name of existsSync('dist') ? readdirSync('dist') : []) {
        if (!['data', 'web', 'build.json'].includes(name)) rmSync(join('dist', name), { recursive: true });
      }
      node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.json');
      chmodSync('dist/cli/main.js', 0o755);
    },
  },
  data: {
    reads: () => ['scripts/sotu.mjs'],
    makes: () => ['dist/data/sotu.jsonl.gz', 'dist/data/sotu.LICENSE.txt'],
    make: async () => (await import('./sotu.mjs')).packSotu(),
  },
  web: {
    reads: () => [...filesOf('web'), ...importedBy(filesOf('web'))],
    makes: () => ['dist/web/index.html'],
    make: () => node('node_modules/vite/bin/vite.js', 'build', '--config', 'web/vite.config.ts'),
  },
};

mkdirSync('dist', { recursive: true });
const known = process.argv.includes('--force') ? {} : readStamp();
for (const [name, { reads, makes, make }] of Object.entries(PARTS)) {
  // Taken before it is made: what changes meanwhile is made again next time.
  const digest = digestOf(reads());
  if (known[name] === digest && makes().every((path) => existsSync(path))) continue;
  delete known[name];
  writeStamp();
  await make();
  known[name] = digest;
  writeStamp();
}

function readStamp() {
  try {
    const stamp = JSON.parse(readFileSync(STAMP, 'utf8'));
    return typeof stamp === 'object' && stamp !== null ? stamp : {};
  } catch {
    return {};
  }
}

function writeStamp() {
  writeFileSync(STAMP, `${JSON.stringify(known)}\n`);
}

/** The names and contents of files, and of those that every part depends on. */
function digestOf(paths) {
  const hash = createHash('sha256');
  for (const path of [...new Set([...TOOLS, ...paths])].sort()) {
    hash.update(`${path}\n`).update(createHash('sha256').update(readFileSync(path)).digest());
  }
  return hash.digest('hex');
}

function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).replaceAll('\\', '/'))
    .sort();
}

/** The files of src/ that the explorer imports, by value or by type, and those that these import. */
function importedBy(files) {
  const found = new Set();
  const queue = files.filter((path) => /^\.tsx?$/.test(extname(path)));
  for (const path of queue) {
    for (const [, target] of readFileSync(path, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
      const file = normalize(join(dirname(path), target)).replaceAll('\\', '/');
      if (!/^src\/.*\.ts$/.test(file) || found.has(file) || !existsSync(file)) continue;
      found.add(file);
      queue.push(file);
    }
  }
  return [...found];
}
