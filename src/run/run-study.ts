import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { diskFull, isDiskFull } from '../base/files.ts';
import { lockOutput } from '../base/lock.ts';
import { checkWritable } from '../base/writable.ts';
import { PolysemeError } from '../errors.ts';
import { harvest } from '../harvest/harvest.ts';
import type { StudyCounts } from '../study/meta.ts';
import type { StudyInfo } from '../study/study.ts';
import type { StudyWriter } from '../study/writer.ts';
import { mostExamples, selectionOf } from './most-examples.ts';
import { checkRun, openRun, type RunStudyOptions } from './open-run.ts';
import type { RunHooks } from './run-hooks.ts';
import type { ResolvedRunOptions } from './run-options.ts';
import type { RunSource } from './run-source.ts';
import { PAPER } from './settings.ts';
import { makeStudy } from './study-file.ts';
import { splitUnits, studyCounts, wordsOf, writeContexts, writeFound } from './write-found.ts';

/**
 * The main job: runs a model over a corpus (or takes `activations` that are there already), collects every unit's
 * statistics and examples, splits each unit into features, measures it, and writes a study. A run that was killed goes
 * on when it is called again with the same options; a finished study is left as it is.
 *
 * @throws PolysemeError for bad options or inputs, and when `out` holds a study of other options (unless `overwrite`)
 * @example
 * const info = await runStudy({ model: 'builtin:folio-5m', data: 'builtin:sotu', layers: [0], contexts: 20, out: 'study.db' });
 * console.log(info.examples, info.contentHash);
 */
export async function runStudy({
  onProgress,
  signal,
  onNote,
  saveEvery,
  ...options
}: RunStudyOptions = {}): Promise<StudyInfo> {
  const hooks = { onProgress, signal, onNote, saveEvery };
  const run = checkRun(options);
  const { checked } = run;
  const out = resolve(checked.out);
  checkWritable(out);
  const { note } = mostExamples(checked);
  if (note !== null) onNote?.(note);
  const unlock = await lockOutput(out, 'writing');
  let source: RunSource | null = null;
  try {
    source = await openRun(options, run, onNote);
    const from = source;
    const typed = Object.keys(options).filter((name) => options[name as keyof typeof options] !== undefined);
    const given = checked.paper ? [...typed, ...Object.keys(PAPER)] : typed;
    return await makeStudy(out, checked, given, source, hooks, (writer, stateDir) =>
      harvestGroups(writer, stateDir, checked, from, hooks),
    );
  } catch (error) {
    // A PolysemeError says itself which disk.
    throw isDiskFull(error) && !(error instanceof PolysemeError) ? diskFull(out) : error;
  } finally {
    await source?.close();
    await unlock();
  }
}

/** Harvests and analyses the banks, as many at a time as fit. */
async function harvestGroups(
  writer: StudyWriter,
  stateDir: string,
  options: ResolvedRunOptions,
  source: RunSource,
  hooks: RunHooks,
): Promise<StudyCounts> {
  const { banks, specialIds } = source;
  const threads = options.threads ?? availableParallelism();
  const size = options.layersAtOnce ?? banks.length;
  writer.writeSpecialIds(specialIds);
  const words = wordsOf(source);
  let counts: StudyCounts | null = null;
  for (let first = 0; first < banks.length; first += size) {
    const group = banks.slice(first, first + size);
    const missing = group.map((bank, i) => writer.missingUnits(first + i, bank.units));
    if (missing.every((units) => units.length === 0) && first + size < banks.length) continue;
    const groupDir = join(stateDir, `${first}-${first + group.length}`);
    const found = await harvest({
      ...source.taps,
      banks: group,
      contexts: source.contexts,
      length: source.length,
      specialIds,
      tokenText: (id) => words?.[id] ?? ' ',
      selection: selectionOf(options, source),
      sinkMultiple: options.sinkMultiple,
      stateDir: groupDir,
      saveEvery: hooks.saveEvery ?? 40,
      signal: hooks.signal,
      onProgress: ({ pass, passes, ...progress }) =>
        hooks.onProgress?.({ ...progress, what: passes > 1 ? `pass ${pass} of ${passes}` : '' }),
    });
    const harvested = group.map(({ name }) => found.banks.find((bank) => bank.name === name)!);
    writeFound(writer, source, first, found, harvested);
    await writeContexts(writer, source, found.contexts, hooks.signal);
    for (const [i, bank] of group.entries()) {
      const units = missing[i]!;
      const write = writer.writeUnits.bind(writer, first + i);
      const request = { bank, harvested: harvested[i]!, text: found, units, words, threads, write };
      await splitUnits(request, options, bank.units - units.length, hooks);
    }
    counts = studyCounts(found.summary, found.tokens);
    // The last group's state stays until the study is sealed: a kill before that must not cost a whole harvest.
    if (first + size < banks.length) rmSync(groupDir, { recursive: true, force: true });
  }
  return counts!;
}
