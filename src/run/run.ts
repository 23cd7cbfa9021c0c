import { existsSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import type { Bank } from '../bank/bank.ts';
import { mlpBank } from '../bank/mlp.ts';
import { diskFull, isDiskFull } from '../base/files.ts';
import { lockOutput } from '../base/lock.ts';
import type { LinkageMethod } from '../cluster/linkage-methods.ts';
import { cutContexts } from '../corpus/contexts.ts';
import { openCorpus } from '../corpus/open.ts';
import type { Corpus } from '../corpus/types.ts';
import { PolysemeError } from '../errors.ts';
import { wordText } from '../features/word-texts.ts';
import { harvest } from '../harvest/harvest.ts';
import { hubFiles } from '../hub/hub.ts';
import { loadModel, type Model } from '../model/load.ts';
import { openStudy } from '../study/open-study.ts';
import type { StudyInfo } from '../study/study.ts';
import { type StudyMeta, StudyWriter } from '../study/writer.ts';
import {
  checkWritable,
  compareMeta,
  createStudy,
  isComplete,
  moveStudy,
  readMeta,
  removeStudy,
} from './existing.ts';
import { CONTENT_OPTIONS, parseRunOptions, type ResolvedRunOptions, type RunOptions } from './run-options.ts';
import { describeSae, loadSaes, nameSaes, type RunSae, saeBanks, settleBos } from './sae-banks.ts';
import { analyseBank } from './split-bank.ts';

/** How far a run has come. */
export interface RunProgress {
  /** `harvest`: contexts through the model; `features`: units split into features. */
  readonly stage: 'harvest' | 'features';
  readonly done: number;
  /** Contexts of a whole corpus are estimated from the bytes read. */
  readonly total: number;
  /** Text tokens run so far (harvest). */
  readonly tokens: number;
  /** What is being done, in words: `pass 1 of 2`, `mlp.3`. */
  readonly what: string;
}

export interface RunHooks {
  readonly onProgress?: (progress: RunProgress) => void;
  /** Gets what the user should know of the inputs: assumptions and doubts, one line each. */
  readonly onNote?: (line: string) => void;
  /** Seconds of work that a kill may lose; default 40. */
  readonly saveEvery?: number;
}

/**
 * The main job: runs a model over a corpus, collects every unit's statistics and examples, splits each unit into
 * features, measures it, and writes a study. A run that was killed goes on when it is called again with the same
 * options; a finished study is left as it is.
 *
 * @throws PolysemeError for bad options or inputs, and when `out` holds a study of other options (unless `overwrite`)
 * @example
 * const info = await runStudy({ model: 'builtin:folio-5m', data: 'builtin:sotu', layers: [0], contexts: 20, out: 'study.db' });
 * console.log(info.examples, info.contentHash);
 */
export async function runStudy(options: RunOptions, hooks: RunHooks = {}): Promise<StudyInfo> {
  const checked = parseRunOptions(options);
  const out = resolve(checked.out);
  checkWritable(out);
  const named = nameSaes(checked.sae ?? []);
  if (checked.layers?.length === 0 && named.length === 0) {
    throw new PolysemeError(
      'there is nothing to harvest: no layers, and no SAE; give option layers or option sae',
    );
  }
  const unlock = await lockOutput(out, 'writing');
  let model: Model | null = null;
  try {
    model = await loadModel(checked.model, { threads: checked.threads ?? availableParallelism() });
    const corpus = await openCorpus(checked.data, { column: checked.column, hub: hubFiles });
    const saes = await loadSaes(named, model, checked.centerWriting, hooks.onNote ?? (() => {}));
    return await run(out, settle(checked, model, saes), model, saes, corpus, hooks);
  } catch (error) {
    throw isDiskFull(error) ? diskFull(out) : error;
  } finally {
    await model?.close();
    await unlock();
  }
}

/** Options whose defaults depend on the model, filled in. */
function settle(options: ResolvedRunOptions, model: Model, saes: readonly RunSae[]) {
  const { config, tokenizer } = model;
  const context = options.context ?? Math.min(128, config.contextLength);
  if (context > config.contextLength) {
    throw new PolysemeError(
      `option context is ${context}: the model's context has ${config.contextLength} tokens`,
    );
  }
  const layers = options.layers ?? Array.from({ length: config.layers }, (_, l) => l);
  const bos = settleBos(options.bos, saes, tokenizer.addsBos);
  return { ...options, context, layers: [...new Set(layers)].sort((a, b) => a - b), bos };
}

type Settled = ReturnType<typeof settle>;

async function run(
  out: string,
  options: Settled,
  model: Model,
  saes: readonly RunSae[],
  corpus: Corpus,
  hooks: RunHooks,
): Promise<StudyInfo> {
  const neurons = options.layers.map((layer) => mlpBank(model.files, layer, options));
  const banks = [...neurons, ...saeBanks(saes)];
  const meta = describe(options, model, saes, corpus);
  const stateDir = `${out}.harvest`;
  const replaced = `${out}.replaced`;
  if (options.overwrite && existsSync(out)) {
    const there = compareMeta(readMeta(out), meta);
    if (there.complete || there.differences.length > 0) {
      removeStudy(stateDir);
      if (existsSync(replaced)) removeStudy(out);
      else moveStudy(out, replaced);
    }
  }
  const created = !existsSync(out);
  if (created) await createStudy(out, meta, banks);
  const writer = StudyWriter.open(out);
  try {
    if (isComplete(out, writer.info(), meta)) return summary(out);
    writer.begin();
    const total = await harvestGroups(writer, banks, stateDir, options, model, corpus, hooks);
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

/** Harvests and analyses the banks, as many at a time as fit. */
async function harvestGroups(
  writer: StudyWriter,
  banks: readonly Bank[],
  stateDir: string,
  options: Settled,
  model: Model,
  corpus: Corpus,
  hooks: RunHooks,
) {
  const { tokenizer } = model;
  const threads = options.threads ?? availableParallelism();
  const size = options.layersAtOnce ?? banks.length;
  const { specialIds } = tokenizer;
  writer.writeSpecialIds(specialIds);
  const texts = Array.from({ length: tokenizer.size }, (_, id) => tokenizer.text(id));
  const words = texts.map((text, id) => wordText(text, specialIds.has(id)));
  const encoder = { encode: (text: string) => tokenizer.encode(text), bosId: tokenizer.bosId ?? undefined };
  let counts = null;
  for (let first = 0; first < banks.length; first += size) {
    const group = banks.slice(first, first + size);
    const missing = group.map((bank, i) => writer.missingUnits(first + i, bank.units));
    if (missing.every((units) => units.length === 0) && first + size < banks.length) continue;
    const groupDir = join(stateDir, `${first}-${first + group.length}`);
    const found = await harvest({
      files: model.files,
      banks: group,
      contexts: (from) =>
        cutContexts(corpus, encoder, {
          length: options.context,
          bos: options.bos,
          count: options.contexts,
          seed: options.seed,
          from,
        }),
      length: options.context,
      specialIds,
      tokenText: (id) => words[id]!,
      selection: options,
      threads,
      stateDir: groupDir,
      saveEvery: hooks.saveEvery ?? 40,
      onProgress: ({ pass, passes, contexts, tokens, share }) =>
        hooks.onProgress?.({
          stage: 'harvest',
          done: contexts,
          total: Math.max(contexts, Math.round(contexts / share)),
          tokens,
          what: passes > 1 ? `pass ${pass} of ${passes}` : '',
        }),
    });
    writer.writeContexts(found.contexts, (id) => texts[id] ?? `<${id}>`);
    for (const [i, bank] of group.entries()) {
      let done = bank.units - missing[i]!.length;
      await analyseBank({
        bank,
        harvest: found,
        units: missing[i]!,
        texts: words,
        cluster: { linkage: options.linkage as LinkageMethod, threshold: options.threshold },
        threads,
        write(records) {
          writer.writeUnits(first + i, records);
          done += records.length;
          hooks.onProgress?.({
            stage: 'features',
            done,
            total: bank.units,
            tokens: found.tokens,
            what: bank.name,
          });
        },
      });
    }
    const { documents, skipped, contexts } = found.summary;
    counts = { documents, skippedDocuments: skipped, contexts, tokens: found.tokens };
    // The last group's state stays until the study is sealed: a kill before that must not cost a whole harvest.
    if (first + size < banks.length) rmSync(groupDir, { recursive: true, force: true });
  }
  return counts!;
}

function describe(options: Settled, model: Model, saes: readonly RunSae[], corpus: Corpus): StudyMeta {
  const { config } = model;
  const kept = Object.fromEntries(CONTENT_OPTIONS.map((name) => [name, options[name] ?? null]));
  return {
    model: {
      source: options.model,
      architecture: config.architecture,
      layers: config.layers,
      width: config.width,
      mlpWidth: config.mlpWidth,
      vocabulary: config.vocabulary,
      contextLength: config.contextLength,
      gated: config.gated,
    },
    data: { source: options.data, description: corpus.description, kind: corpus.kind },
    options: { ...kept, sae: saes.length === 0 ? null : saes.map(describeSae) },
  };
}

function summary(out: string): StudyInfo {
  const study = openStudy(out);
  try {
    return study.info();
  } finally {
    study.close();
  }
}
