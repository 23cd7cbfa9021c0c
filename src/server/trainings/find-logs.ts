import { opendir } from 'node:fs/promises';
import { join } from 'node:path';

/** Folders below the one that is served, down to this depth. */
const DEPTH = 3;
/** Folders looked into. */
const FOLDERS = 2000;
/** Entries of a folder. */
const ENTRIES = 10_000;
/** Trainings. */
const RUNS = 128;

/** Folders that hold no training, and much else. */
const PASSED_OVER = new Set(['node_modules', 'checkpoints']);

export interface RunFolder {
  readonly path: string;
  /** Path below the root with slashes; empty for the root. */
  readonly name: string;
}

/** The folders at and below `root` that have a run.json, by name. Links are not followed. */
export async function findRuns(root: string): Promise<{ runs: RunFolder[]; complete: boolean }> {
  const runs: RunFolder[] = [];
  const queue: (RunFolder & { depth: number })[] = [{ path: root, name: '', depth: 0 }];
  let complete = true;
  for (let at = 0; at < queue.length; at++) {
    const { depth, ...folder } = queue[at]!;
    const { isRun, folders, whole } = await look(folder.path);
    complete &&= whole;
    if (isRun) runs.push(folder);
    if (depth === DEPTH) continue;
    for (const name of folders) {
      if (queue.length >= FOLDERS) complete = false;
      else {
        const below = folder.name === '' ? name : `${folder.name}/${name}`;
        queue.push({ path: join(folder.path, name), name: below, depth: depth + 1 });
      }
    }
  }
  const natural = new Intl.Collator('en', { numeric: true });
  runs.sort((a, b) => natural.compare(a.name, b.name));
  return { runs: runs.slice(0, RUNS), complete: complete && runs.length <= RUNS };
}

async function look(path: string): Promise<{ isRun: boolean; folders: string[]; whole: boolean }> {
  const found = { isRun: false, folders: [] as string[], whole: true };
  try {
    let entries = 0;
    for await (const entry of await opendir(path)) {
      if (++entries > ENTRIES) {
        found.whole = false;
        break;
      }
      if (entry.name === 'run.json') found.isRun = entry.isFile();
      else if (entry.isDirectory() && !entry.name.startsWith('.') && !PASSED_OVER.has(entry.name)) {
        found.folders.push(entry.name);
      }
    }
  } catch {
    // Taken away meanwhile, or not ours to read.
  }
  return found;
}
