// Vitest's global set-up: compiles src/ and the scripts of test/helpers to JavaScript, once for each content, for the
// processes and the worker threads that tests start. These run without Vitest, and Node 20 reads no TypeScript.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

const ROOT = join(import.meta.dirname, '../..');
const CACHE = join(ROOT, 'node_modules/.cache/polyseme-tests');
const CONFIG = 'test/helpers/tsconfig.compiled.json';

/** What the sources read by a path relative to their own. */
const BESIDE = ['dist', 'models', 'package.json', 'test/fixtures'];

/** How long what is no longer used is kept. */
const KEPT_MS = 24 * 3600 * 1000;

declare module 'vitest' {
  export interface ProvidedContext {
    /** The folder with what was compiled, laid out like the repository. */
    compiledSources: string;
  }
}

export default function setup(project: TestProject): void {
  const provide = () => project.provide('compiledSources', compileSources());
  provide();
  project.onTestsRerun(provide);
}

/** Compiles the sources unless it has been done for their content, and returns the folder. */
function compileSources(): string {
  mkdirSync(CACHE, { recursive: true });
  const folder = join(CACHE, digestOfSources());
  if (!existsSync(folder)) {
    const unfinished = mkdtempSync(join(CACHE, 'unfinished-'));
    const options = ['-p', CONFIG, '--outDir', unfinished];
    execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', ...options], {
      cwd: ROOT,
      stdio: 'inherit',
    });
    for (const path of BESIDE) symlinkSync(join(ROOT, path), join(unfinished, path));
    // Another run of the tests may have done the same in the meantime.
    if (!existsSync(folder)) renameSync(unfinished, folder);
  }
  const now = new Date();
  utimesSync(folder, now, now);
  removeOldFolders();
  return folder;
}

function removeOldFolders(): void {
  for (const name of readdirSync(CACHE)) {
    const path = join(CACHE, name);
    if (Date.now() - statSync(path).mtimeMs > KEPT_MS) rmSync(path, { recursive: true });
  }
}

/** Of the contents, and of where they are, since the folder has links to files beside them. */
function digestOfSources(): string {
  const hash = createHash('sha256').update(ROOT);
  const paths = ['src', 'test/helpers', 'test/base'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  for (const path of [...paths, join(ROOT, 'tsconfig.json'), join(ROOT, 'package-lock.json')].sort()) {
    hash.update(`\0${path}\0`).update(readFileSync(path));
  }
  return hash.digest('hex').slice(0, 16);
}
