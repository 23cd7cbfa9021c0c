import { existsSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { diskFull, isDiskFull } from '../base/files.ts';
import { lockOutput } from '../base/lock.ts';
import { checkAborted, type LongCall, type Progress } from '../base/progress.ts';
import type { LinkageMethod } from '../cluster/linkage-methods.ts';
import type { Corpus } from '../corpus/corpus.ts';
import type { ImageCorpus } from '../corpus/images/image-corpus.ts';
import { PolysemeError } from '../errors.ts';
import { wordText } from '../features/word-texts.ts';
import { harvest, textChanged } from '../harvest/harvest.ts';
import type { Model } from '../model/load-model.ts';
import { nameOf } from '../model/to-model.ts';
import { makePassages } from '../search/open-passages.ts';
import type { StudyInputs } from '../study/meta.ts';
import { openStudy } from '../study/open-study.ts';
import type { StudyInfo } from '../study/study.ts';
import { StudyWriter } from '../study/writer.ts';
import {
  type Compared,
  checkWritable,
  compareMeta,
  createStudy,
  isComplete,
  isOther,
  moveStudy,
  readMeta,
  removeStudy,
} from './existing.ts';
import { checkInputs, readInputs } from './inputs.ts';
import { mostExamples } from './most-examples.ts';
import { parseRunOptions, type ResolvedRunOptions, type RunOptions } from './run-options.ts';
import { openSource, type RunSource } from './run-source.ts';
import { nameSaes } from './sae-banks.ts';
import { PAPER } from './settings.ts';
import { analyseBank } from './split-bank.ts';
import { writeImages } from './write-images.ts';
import { writeTexts } from './write-texts.ts';

/** How far a run has come. */
export interface RunProgress extends Progress {
  /** `harvest`: contexts through the model; `features`: units of a bank split into features; `passages`: units whose passages are indexed for search. */
  readonly stage: 'harvest' | 'features' | 'passages';
  readonly unit: 'contexts' | 'units';
  /** Contexts of a whole corpus are estimated from the bytes read. */
  readonly total: number;
  /** Text tokens run so far (harvest). */
  readonly tokens: number;
  /** What is being done, in words: `pass 1 of 2`, `mlp.3`. */
  readonly what: string;
}

/** A run whose signal is aborted can be resumed by the same call, as one that was killed. */
export interface RunHooks extends LongCall<RunProgress> {
  /** Gets what the user should know of the inputs: assumptions and doubts, one line each. */
  readonly onNote?: (line: string) => void;
  /** Seconds of work that a kill may lose; default 40. */
  readonly saveEvery?: number;
}

export interface RunStudyOptions extends Omit<RunOptions, 'model' | 'data'>, RunHooks {
  /** A model that is loaded (and stays open), or the name of one. */
  readonly model?: Model | string;
  /** A corpus of texts or images that is opened, or the name of one. */
  readonly data?: Corpus | ImageCorpus | string;
}

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
  const { model, data } = options;
  const hooks = { onProgress, signal, onNote, saveEvery };
  const checked = parseRunOptions({ ...options, model: nameOf(model), data: nameOf(data) });
  const out = resolve(checked.out);
  checkWritable(out);
  const { note } = mostExamples(checked);
  if (note !== null) onNote?.(note);
  const named = nameSaes(checked.sae ?? []);
  if (checked.layers?.length === 0 && named.length === 0) {
    throw new PolysemeError(
      'there is nothing to harvest: no layers, and no SAE; give option layers or option sae',
    );
  }
  const unlock = await lockOutput(out, 'writing');
  let source: RunSource | null = null;
  try {
    source = await openSource(
      { ...checked, model: model ?? checked.model, data: data ?? usualData(nameOf(model)) ?? checked.data },
      named,
      onNote,
    );
    const typed = Object.keys(options).filter((name) => options[name as keyof typeof options] !== undefined);
    const given = checked.paper ? [...typed, ...Object.keys(PAPER)] : typed;
    return await run(out, checked, given, source, hooks);
  } catch (error) {
    throw isDiskFull(error) ? diskFull(out) : error;
  } finally {
    await source?.close();
    await unlock();
  }
}

async function run(
  out: string,
  options: ResolvedRunOptions,
  given: readonly string[],
  source: RunSource,
  hooks: RunHooks,
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
  const created = found === null || renewed;
  const inputs = created ? await readInputs(source) : found.inputs;
  if (created) await createStudy(out, meta, banks, inputs!);
  const writer = StudyWriter.open(out);
  try {
    if (!created && isComplete(out, found, hooks.onNote)) return summary(out);
    writer.begin();
    writer.writeInputs(inputs!);
    const total = await harvestGroups(writer, stateDir, options, source, hooks);
    if (source.documents !== null && options.keepText > 0) {
      const note = await writeTexts(writer, source.documents, 1e6 * options.keepText, hooks.signal);
      if (note !== null) hooks.onNote?.(note);
    }
    await writePassages(writer, total.tokens, hooks);
    writer.finish(total);
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
  removeStudy(stateDir);
  removeStudy(replaced);
  return summary(out);
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

/** Harvests and analyses the banks, as many at a time as fit. */
async function harvestGroups(
  writer: StudyWriter,
  stateDir: string,
  options: ResolvedRunOptions,
  source: RunSource,
  hooks: RunHooks,
) {
  const { banks, specialIds, texts } = source;
  const threads = options.threads ?? availableParallelism();
  const size = options.layersAtOnce ?? banks.length;
  writer.writeSpecialIds(specialIds);
  const words = texts?.map((text, id) => wordText(text, specialIds.has(id))) ?? null;
  let counts = null;
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
      selection: {
        ...options,
        examples: mostExamples(options).examples,
        keepDuplicates: source.keepDuplicates,
      },
      sinkMultiple: options.sinkMultiple,
      stateDir: groupDir,
      saveEvery: hooks.saveEvery ?? 40,
      signal: hooks.signal,
      onProgress: ({ pass, passes, ...progress }) =>
        hooks.onProgress?.({ ...progress, what: passes > 1 ? `pass ${pass} of ${passes}` : '' }),
    });
    const inputs = writer.info().inputs!;
    if (inputs.contexts === null) writer.writeInputs({ ...inputs, contexts: found.digest });
    else if (inputs.contexts !== found.digest) throw textChanged();
    const shown = (id: number): string => (texts ?? source.images?.positions)?.[id] ?? `<id ${id}>`;
    writer.writeTextSample(found.sample, shown);
    writer.writeContexts(found.contexts, shown);
    if (source.images !== null) {
      await writeImages(writer, source.images.corpus, found.contexts, source.images.toSize, hooks.signal);
    }
    writer.writeSinks(found.sinks);
    for (const [i, { inputMean, nullInputs }] of found.banks.entries()) {
      writer.writeBankInputs(first + i, { mean: inputMean, ...nullInputs });
    }
    for (const [i, bank] of group.entries()) {
      let done = bank.units - missing[i]!.length;
      await analyseBank({
        bank,
        harvest: found,
        units: missing[i]!,
        texts: words,
        cluster: { linkage: options.linkage as LinkageMethod, threshold: options.threshold },
        center: options.center,
        features: options.features,
        threads,
        write(records) {
          writer.writeUnits(first + i, records);
          done += records.length;
          hooks.onProgress?.({
            stage: 'features',
            unit: 'units',
            done,
            total: bank.units,
            tokens: found.tokens,
            what: bank.name,
          });
          checkAborted(hooks.signal);
        },
      });
    }
    const { documents, skipped, duplicates, contexts } = found.summary;
    counts = {
      documents,
      skippedDocuments: skipped,
      duplicateDocuments: duplicates,
      contexts,
      tokens: found.tokens,
    };
    // The last group's state stays until the study is sealed: a kill before that must not cost a whole harvest.
    if (first + size < banks.length) rmSync(groupDir, { recursive: true, force: true });
  }
  return counts!;
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

/** The data that a built-in model comes with, where it is not the usual one. */
function usualData(model: string | undefined): string | null {
  return model === 'builtin:digits' ? 'builtin:digits' : null;
}
