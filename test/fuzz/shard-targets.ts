// What a divided run leaves between its machines: its plan, and the parts of every kind.

import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mergeShards } from '../../src/run/shards/merge.ts';
import { openPart } from '../../src/run/shards/part-file.ts';
import { openPlan, planRun } from '../../src/run/shards/plan.ts';
import { runShard } from '../../src/run/shards/run-shard.ts';
import type { Target } from './target.ts';
import { tinyModel } from './tiny-model.ts';

type Made = 'plan' | 'maxima' | 'examples' | 'rows' | 'units';

let run: Promise<string> | undefined;

/** One file of a run in one shard, which is made once. */
const divided = (name: Made) => async (folder: string) => {
  run ??= makeRun();
  copyFileSync(join(await run, name), join(folder, name));
  return join(folder, name);
};

async function makeRun(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'polyseme-fuzz-shards-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const at = (file: string) => join(folder, file);
  tinyModel(folder);
  writeFileSync(at('text.txt'), 'a bad cab had a bead '.repeat(12));
  const plan = at('plan');
  const how = { model: folder, data: at('text.txt'), context: 12, examples: 4, layers: [0], threads: 1 };
  await planRun({ ...how, select: 'fraction', fraction: 0.3, keepDuplicates: true, plan, shards: 1 });
  let after: string | undefined;
  for (const kind of ['maxima', 'examples', 'rows']) {
    await runShard({ plan, shard: 1, after, out: at(kind), threads: 1 });
    after = at(kind);
  }
  const parts = [at('examples'), at('rows')];
  await mergeShards({ parts, units: { share: 1, of: 1 }, out: at('units'), threads: 1 });
  return folder;
}

async function readPlan(path: string): Promise<unknown> {
  const { digest, run, shard } = await openPlan(path);
  return { digest, run, shard: await shard(1) };
}

async function readPart(path: string): Promise<unknown> {
  const { file, ...head } = await openPart(path);
  const arrays = [];
  for (const name of file.names) arrays.push([name, await file.read(name)]);
  return { ...head, digest: file.digest, arrays };
}

export const SHARD_TARGETS: readonly Target[] = [
  { name: 'plan of shards', make: divided('plan'), read: readPlan, checked: true },
  ...(['maxima', 'examples', 'rows', 'units'] as const).map(
    (kind): Target => ({ name: `part, ${kind}`, make: divided(kind), read: readPart, checked: true }),
  ),
];
