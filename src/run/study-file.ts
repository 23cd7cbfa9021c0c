import { existsSync } from 'node:fs';
import { makePassages } from '../search/open-passages.ts';
import type { StudyCounts, StudyInputs } from '../study/meta.ts';
import { openStudy } from '../study/open-study.ts';
import type { StudyInfo } from '../study/study.ts';
import { StudyWriter } from '../study/writer.ts';
import {
  type Compared,
  compareMeta,
  createStudy,
  isComplete,
  isOther,
  moveStudy,
  readMeta,
  removeStudy,
} from './existing.ts';
import { checkInputs, readInputs } from './inputs.ts';
import type { RunHooks } from './run-hooks.ts';
import type { ResolvedRunOptions } from './run-options.ts';
import type { RunSource } from './run-source.ts';
import { writeTexts } from './write-texts.ts';

/**
 * Makes the study of a run in `out`, or goes on with one that is unfinished; a finished one is left as it is.
 * @param given names of the options that were given, and are no defaults
 * @param fill writes all that was found into it
 */
export async function makeStudy(
  out: string,
  options: ResolvedRunOptions,
  given: readonly string[],
  source: RunSource,
  hooks: RunHooks,
  fill: (writer: StudyWriter, stateDir: string) => Promise<StudyCounts>,
): Promise<StudyInfo> {
  const { banks, meta } = source;
  const stateDir = `${out}.harvest`;
  const replaced = `${out}.replaced`;
  const found = existsSync(out) ? await inspect(out, options, given, source, hooks.signal) : null;
  const renewed = found !== null && options.overwrite && (found.complete || isOther(found));
  if (renewed) {
    removeStudy(stateDir);
    if (existsSync(replaced)) removeStudy(out);
    else moveStudy(out, replaced);
  }
  // What was saved for a study that somebody deleted is none of a new one.
  if (found === null) removeStudy(stateDir);
  const created = found === null || renewed;
  const inputs = created ? await readInputs(source) : found.inputs;
  if (created) await createStudy(out, meta, banks, inputs!);
  const writer = StudyWriter.open(out);
  try {
    if (created || !isComplete(out, found, hooks.onNote)) {
      await completeStudy(writer, inputs!, options.keepText, source, hooks, () => fill(writer, stateDir));
    }
  } catch (error) {
    if (created && !existsSync(stateDir) && writer.missingUnits(0, 1).length === 1) {
      writer.close();
      removeStudy(out);
      if (existsSync(replaced)) moveStudy(replaced, out);
    }
    throw error;
  } finally {
    writer.close();
  }
  // Of a complete study too: its run may have been killed before it did so.
  removeStudy(stateDir);
  removeStudy(replaced);
  return summary(out);
}

/** Writes all of a study that its run had not written before. */
async function completeStudy(
  writer: StudyWriter,
  inputs: StudyInputs,
  keepText: number,
  { documents }: RunSource,
  hooks: RunHooks,
  fill: () => Promise<StudyCounts>,
): Promise<void> {
  writer.begin();
  writer.writeInputs(inputs);
  const counts = await fill();
  if (documents !== null && keepText > 0) {
    const note = await writeTexts(writer, documents, 1e6 * keepText, hooks.signal);
    if (note !== null) hooks.onNote?.(note);
  }
  await writePassages(writer, counts.tokens, hooks);
  writer.finish(counts);
}

/** What is in `out` already: whether it is finished, and in what it or its inputs are not what is asked for. */
async function inspect(
  out: string,
  options: ResolvedRunOptions,
  given: readonly string[],
  source: RunSource,
  signal: AbortSignal | undefined,
): Promise<Compared & { readonly inputs: StudyInputs | null }> {
  const there = readMeta(out);
  const compared = compareMeta(there, source.meta, given);
  const { complete, differences } = compared;
  // What is refused or replaced anyway need not be compared further; a study of an older version cannot tell.
  if (differences.length > 0 || (complete && (options.overwrite || there.inputs === null))) {
    return { ...compared, inputs: null };
  }
  const { inputs, changed } = await checkInputs(there.inputs, source, `${out}.harvest`, signal);
  return { ...compared, inputs, changed };
}

/** Indexes the passages of all units for search. */
async function writePassages(
  writer: StudyWriter,
  tokens: number,
  { onProgress, signal }: RunHooks,
): Promise<void> {
  const passages = await makePassages(writer.path, {
    signal,
    onProgress: (progress) => onProgress?.({ ...progress, tokens, what: '' }),
  });
  writer.writePassages(passages);
}

function summary(out: string): StudyInfo {
  const study = openStudy(out);
  try {
    return study.info();
  } finally {
    study.close();
  }
}
