import type { PackedArray } from '../../base/pack.ts';
import { writeSealed } from '../../base/sealed-file.ts';
import type { RunHooks } from '../run-hooks.ts';
import { mergeBy } from '../shards/merge.ts';
import type { PlannedOpener } from '../shards/open-planned.ts';
import { FORMAT, openKind } from '../shards/part-file.ts';
import { shardBy } from '../shards/run-shard.ts';
import type { Artefacts } from './artefacts.ts';
import { type JobData, jobId, type Stage } from './jobs.ts';

/** Of a process that does jobs. */
export interface Surroundings {
  readonly artefacts: Artefacts;
  readonly open: PlannedOpener;
}

/** Does a job, unless it is done. @param given what the jobs before it gave. Returns the digest of what it gives. */
export async function perform(
  data: JobData,
  given: readonly string[],
  { artefacts, open }: Surroundings,
  threads: number | undefined,
  hooks: Omit<RunHooks, 'saveEvery'>,
): Promise<string> {
  const { run, stage, number } = data;
  const id = jobId(data);
  const isStudy = stage.name === 'units' && number === null;
  await artefacts.turnTo(run.plan);
  const known = await artefacts.given(id, isStudy ? 'study' : 'part');
  if (known !== null) return known;
  const one = async (digest: string): Promise<string> => (await artefacts.paths([digest]))[0]!;
  if (stage.name === 'units') {
    const rows = await listed(await one(stage.rows));
    const parts = await artefacts.paths([stage.after, ...rows, ...given]);
    const units = number === null ? undefined : { share: number, of: run.shares };
    return artefacts.give(id, isStudy ? 'study' : 'part', (out) =>
      mergeBy(open, { parts, out, units, threads, ...hooks }),
    );
  }
  if (number !== null) {
    const plan = await one(run.plan);
    const after = 'after' in stage && stage.after !== null ? await one(stage.after) : undefined;
    return artefacts.give(id, 'part', (out) =>
      shardBy(open, { plan, shard: number, of: run.shards, after, out, threads, ...hooks }),
    );
  }
  const parts = await artefacts.paths(given);
  return artefacts.give(id, 'part', (out) =>
    stage.name === 'rows' ? writeList(out, given) : mergeBy(open, { parts, out, ...hooks }),
  );
}

/** What follows a stage; null after the last. */
export function nextStage(stage: Stage, given: string): Stage | null {
  switch (stage.name) {
    case 'maxima':
      return { name: 'examples', after: given };
    case 'examples':
      return { name: 'rows', after: given };
    case 'rows':
      return { name: 'units', after: stage.after, rows: given };
    case 'units':
      return null;
  }
}

/** A list of files by their digests, in a file: a queue's server should not hold thousands for every job. */
function writeList(path: string, digests: readonly string[]): Promise<string> {
  const text: PackedArray = new TextEncoder().encode(JSON.stringify([...digests].sort()));
  return writeSealed(path, { format: FORMAT, kind: 'list' }, [['digests', text]]);
}

async function listed(path: string): Promise<string[]> {
  const file = await openKind(path, 'a list of parts of a divided run');
  return JSON.parse(new TextDecoder().decode((await file.read('digests')) as Uint8Array)) as string[];
}
