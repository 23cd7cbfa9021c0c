import { opendir } from 'node:fs/promises';
import { join } from 'node:path';

/** How many levels below the served folder are searched. */
const MAX_DEPTH = 3;
/** The search stops after this many folders. */
const MAX_FOLDERS = 2000;
/** The search of one folder stops after this many entries. */
const MAX_ENTRIES = 10_000;
/** At most this many trainings are listed. */
const MAX_RUNS = 128;

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
    if (depth === MAX_DEPTH) continue;
    for (const name of folders) {
      if (queue.length >= MAX_FOLDERS) complete = false;
      else {
        const below = folder.name === '' ? name : `${folder.name}/${name}`;
        queue.push({ path: join(folder.path, name), name: below, depth: depth + 1 });
      }
    }
  }
  const natural = new Intl.Collator('en', { numeric: true });
  runs.sort((a, b) => natural.compare(a.name, b.name));
  return { runs: runs.slice(0, MAX_RUNS), complete: complete && runs.length <= MAX_RUNS };
}

async function look(path: string): Promise<{ isRun: boolean; folders: string[]; whole: boolean }> {
  const found = { isRun: false, folders: [] as string[], whole: true };
  try {
    let entries = 0;
    for await (const entry of await opendir(path)) {
      if (++entries > MAX_ENTRIES) {
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
