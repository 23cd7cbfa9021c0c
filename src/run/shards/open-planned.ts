import { changedFiles } from '../../base/changed-files.ts';
import { digestFiles } from '../../base/file-digest.ts';
import { type ContextPart, shortDigest } from '../../corpus/context-part.ts';
import type { Context } from '../../corpus/contexts.ts';
import { PolysemeError } from '../../errors.ts';
import { type CheckedRun, checkRun, openRun } from '../open-run.ts';
import { ofFile, type ResolvedRunOptions } from '../run-options.ts';
import type { RunSource } from '../run-source.ts';
import { type PlannedRun, VERSION } from './part-file.ts';

/** What a planned run is over, opened. */
export interface Planned {
  readonly source: RunSource;
  readonly options: ResolvedRunOptions;
  /** To be called when this job is done with it. */
  close(): Promise<void>;
}

/** Opens what a planned run is over. @throws PolysemeError where it is no longer what was planned */
export type PlannedOpener = (
  run: PlannedRun,
  threads: number | undefined,
  onNote?: (line: string) => void,
) => Promise<Planned>;

/**
 * Opens what planned runs are over for one job after another: what was opened last stays open, so that jobs of one run do
 * not load and check the model each.
 */
export class KeptOpen {
  #kept: { readonly run: string; readonly planned: Planned } | null = null;

  readonly open: PlannedOpener = async (run, threads, onNote) => {
    const key = JSON.stringify([run, threads]);
    if (this.#kept?.run !== key) {
      await this.close();
      this.#kept = { run: key, planned: await openPlanned(run, threads, onNote) };
    }
    return { ...this.#kept.planned, close: async () => {} };
  };

  /** Also after a job that failed: what it left may not be as it was. */
  async close(): Promise<void> {
    const kept = this.#kept;
    this.#kept = null;
    await kept?.planned.close();
  }
}

/** Opens what a planned run is over, for one job. */
export const openPlanned: PlannedOpener = async (run, threads, onNote) => {
  if (run.version !== VERSION) {
    throw new PolysemeError(
      `the run was planned by Polyseme ${run.version}, and this is ${VERSION}: use that one, or plan anew`,
      'unsupported',
    );
  }
  // What `auto` meant to the plan: shards of several devices would not fit together. Of given activations no model runs.
  const { device = 'cpu' } = run.meta.model as { device?: ResolvedRunOptions['device'] };
  const options = { ...run.options, ...(run.options.activations === undefined && { device }), threads };
  ofFile('the plan of the run', () => checkRun(run.options));
  const checked: CheckedRun = checkRun(options);
  const source = await openRun(options, checked, onNote);
  try {
    const { meta } = source;
    for (const part of ['model', 'data', 'options'] as const) {
      if (JSON.stringify(meta[part]) === JSON.stringify(run.meta[part])) continue;
      throw new PolysemeError(`the ${part} of the run are not what was planned: plan anew`);
    }
    const changed = changedFiles(run.inputs.files, await digestFiles(source.inputs.files, run.inputs.files));
    if (changed.length > 0) {
      throw new PolysemeError(
        `${changed.join(', ')}: not what the run was planned with; put it back, or plan anew`,
      );
    }
    return { source, options: checked.checked, close: () => source.close() };
  } catch (error) {
    await source.close();
    throw error;
  }
};

/** The contexts of a shard, each checked to be what was planned. */
export async function* plannedContexts(source: RunSource, part: ContextPart): AsyncGenerator<Context> {
  let read = 0;
  // Without this a shard of no contexts would look for them to the end of the text.
  if (part.count === 0) return;
  for await (const context of source.part(part)) {
    const [high, low] = shortDigest(context);
    if (part.digests[2 * read] !== high || part.digests[2 * read + 1] !== low) {
      throw new PolysemeError(
        `${context.documentName}: its text is not what was planned (context ${context.id}); put it back, or plan anew`,
      );
    }
    read++;
    yield context;
  }
  if (read < part.count) {
    throw new PolysemeError(
      `the text has only ${read} of the ${part.count} contexts that were planned for this shard; put it back, or plan anew`,
    );
  }
}
