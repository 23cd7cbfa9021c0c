import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { diskFull, isDiskFull } from '../../base/files.ts';
import { lockOutput } from '../../base/lock.ts';
import { checkWritable } from '../../base/writable.ts';
import { PolysemeError, UsageError } from '../../errors.ts';
import { sinksAt } from '../../harvest/find-sinks.ts';
import type { StudyCounts } from '../../study/meta.ts';
import type { StudyInfo } from '../../study/study.ts';
import type { StudyWriter } from '../../study/writer.ts';
import type { RunHooks } from '../run-hooks.ts';
import type { ResolvedRunOptions } from '../run-options.ts';
import type { RunSource } from '../run-source.ts';
import { makeStudy } from '../study-file.ts';
import { splitUnits, studyCounts, wordsOf, writeContexts, writeFound } from '../write-found.ts';
import { checkAlike, checkWhole, coveredBy } from './check-parts.ts';
import { mergeParts } from './merge-parts.ts';
import { mergedBank, mergedText, mergedUnits, partContexts } from './merged.ts';
import { openPlanned, type Planned, type PlannedOpener } from './open-planned.ts';
import { isMade, openParts, type Part, type PartHead, writePart } from './part-file.ts';
import type { RunPart } from './run-shard.ts';
import { readRecords, shareOf, unitArrays } from './units-part.ts';

export interface MergeOptions extends Omit<RunHooks, 'saveEvery'> {
  /** Files of parts, in any order. */
  readonly parts: readonly string[];
  /** The file of the merged part, or of the study. */
  readonly out: string;
  /** Split only this share of the units into features: which, from 1, and of how many. */
  readonly units?: { readonly share: number; readonly of: number };
  readonly threads?: number;
  /** Replace another file. */
  readonly overwrite?: boolean;
}

/** A merged part, or the study that all parts make. */
export type Merged = { readonly part: RunPart } | { readonly study: StudyInfo };

/**
 * Merges what the shards of a planned run found. Parts of one round become one part of it, in whatever order and groups
 * they are merged. The merged `examples` and the `rows` of all shards become the study, with the content of the
 * undivided run; before that, `units` divides the splitting into features, too: shares of it are given beside them.
 *
 * @throws PolysemeError for parts of different runs, missing or doubled ones, and damaged files; nothing is merged then
 * @example
 * const shards = [1, 2];
 * await planRun({ layers: [0], contexts: 20, plan: 'run.plan', shards: 2 });
 * for (const shard of shards) await runShard({ plan: 'run.plan', shard, out: `examples-${shard}` });
 * await mergeShards({ parts: ['examples-1', 'examples-2'], out: 'examples' });
 * for (const shard of shards) await runShard({ plan: 'run.plan', shard, after: 'examples', out: `rows-${shard}` });
 * const merged = await mergeShards({ parts: ['examples', 'rows-1', 'rows-2'], out: 'merged.db' });
 * if ('study' in merged) console.log(merged.study.contentHash);
 */
export function mergeShards(options: MergeOptions): Promise<Merged> {
  return mergeBy(openPlanned, options);
}

/** The same, where more than one job is done by a process. */
export async function mergeBy(open: PlannedOpener, options: MergeOptions): Promise<Merged> {
  if (options.parts.length === 0) throw new UsageError('there are no parts to merge');
  checkWritable(options.out);
  const parts = await openParts(options.parts);
  checkAlike(parts);
  const of = (kind: Part['kind']): Part[] => parts.filter((part) => part.kind === kind);
  const [examples, rows, units] = [of('examples'), of('rows'), of('units')];
  const kinds = new Set(parts.map(({ kind }) => kind));
  if (kinds.size === 1 && rows.length + units.length === 0) {
    if (options.units !== undefined)
      throw new PolysemeError('option units: give the merged examples and the rows');
    const { out, overwrite = false } = options;
    return { part: await mergeParts(parts, out, overwrite, options) };
  }
  const whole = checkComplete(examples, rows, units, kinds);
  if (options.units === undefined) return { study: await study(open, options, whole, rows, units) };
  return { part: await share(open, options, options.units, whole, rows) };
}

/** The merged examples that rows and shares of units belong to. */
function checkComplete(
  examples: readonly Part[],
  rows: readonly Part[],
  units: readonly Part[],
  kinds: ReadonlySet<string>,
): Part {
  const [whole, second] = examples;
  if (whole === undefined || second !== undefined || kinds.has('maxima') || rows.length === 0) {
    throw new PolysemeError(
      `parts of different rounds (${[...kinds].join(', ')}): merge those of one round, or give one file of merged examples with the rows of all shards (and shares of the units)`,
    );
  }
  checkWhole([whole]);
  for (const part of [...rows, ...units]) {
    if (part.after === whole.file.digest) continue;
    throw new PolysemeError(
      `${part.file.path} was made after other examples than ${whole.file.path}: make it anew; nothing was merged`,
    );
  }
  checkWhole(rows);
  coveredBy(units);
  return whole;
}

/** Splits a share of the units. */
async function share(
  open: PlannedOpener,
  { out, threads, overwrite = false, ...hooks }: MergeOptions,
  { share, of }: { readonly share: number; readonly of: number },
  examples: Part,
  rows: readonly Part[],
): Promise<RunPart> {
  if (!(Number.isInteger(of) && of >= 1 && Number.isInteger(share) && share >= 1 && share <= of)) {
    throw new UsageError(`option units is ${share}/${of}: it must be a share i of n, from 1/n to n/n`);
  }
  const { plan, run, file } = examples;
  const head: PartHead = { kind: 'units', plan, run, covers: [share], of, after: file.digest };
  if (await isMade(out, head, overwrite)) return head;
  const opened = await open(run, threads, hooks.onNote);
  try {
    await writePart(out, head, unitArrays(examples, rows, shareOf(run.banks, share, of), opened, hooks));
  } finally {
    await opened.close();
  }
  return head;
}

/** Makes the study. */
async function study(
  open: PlannedOpener,
  { out: path, threads, overwrite = false, ...hooks }: MergeOptions,
  examples: Part,
  rows: readonly Part[],
  units: readonly Part[],
): Promise<StudyInfo> {
  const out = resolve(path);
  const unlock = await lockOutput(out, 'writing');
  let opened: Planned | null = null;
  try {
    opened = await open(examples.run, threads, hooks.onNote);
    const { source } = opened;
    const options = { ...opened.options, overwrite };
    const given = Object.keys(examples.run.options);
    return await makeStudy(out, options, given, source, hooks, (writer) =>
      fill(writer, { source, options }, examples, rows, units, hooks),
    );
  } catch (error) {
    throw isDiskFull(error) ? diskFull(out) : error;
  } finally {
    await opened?.close();
    await unlock();
  }
}

async function fill(
  writer: StudyWriter,
  { source, options }: { readonly source: RunSource; readonly options: ResolvedRunOptions },
  examples: Part,
  rows: readonly Part[],
  units: readonly Part[],
  hooks: RunHooks,
): Promise<StudyCounts> {
  const { run } = examples;
  const { banks } = source;
  const text = await mergedText(examples);
  const words = wordsOf(source);
  const threads = options.threads ?? availableParallelism();
  const { sample, tokens } = text;
  const sinks: { name: string; sinks: number }[] = [];
  writer.writeSpecialIds(source.specialIds);
  for (const b of banks.keys()) {
    const merged = await mergedBank(examples, b, tokens);
    writeFound(writer, source, b, { digest: run.inputs.contexts!, sample, sinks: {} }, [merged]);
    sinks.push({ name: merged.name, sinks: merged.sinks });
  }
  writer.writeSinks(sinksAt({ banks, sinkMultiple: options.sinkMultiple }, run.limits, sinks, tokens));
  for (const part of rows) await writeContexts(writer, source, await partContexts(part), hooks.signal);
  for (const [b, bank] of banks.entries()) {
    const write = writer.writeUnits.bind(writer, b);
    const known = new Set(writer.missingUnits(b, bank.units));
    for await (const records of readRecords(units, b))
      write(records.filter(({ index }) => known.delete(index)));
    const missing = [...known];
    if (missing.length === 0) continue;
    const merged = await mergedBank(examples, b, tokens);
    let done = bank.units - missing.length;
    for await (const { harvested, contexts, units: some } of mergedUnits(bank, merged, rows, missing)) {
      const request = { bank, harvested, text: { ...text, contexts }, units: some, words, threads, write };
      await splitUnits(request, options, done, hooks);
      done += some.length;
    }
  }
  return studyCounts(run.summary, tokens);
}
