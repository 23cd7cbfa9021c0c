import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { keptResults } from '../../answers/kept-results.ts';
import { notesAnswer } from '../../answers/notes-answer.ts';
import { StudySource } from '../../answers/served-study.ts';
import { studyAnswer } from '../../answers/study-answer.ts';
import { makeWhole } from '../../base/files.ts';
import { pack } from '../../base/pack.ts';
import { checkAborted, type LongCall, type Progress } from '../../base/progress.ts';
import { nextTurn } from '../../base/turn.ts';
import { block, imageFile, SITE_FORMAT, type SiteHead, type SiteNaming } from '../../contract/site.ts';
import { modelBlock, type SiteModelSummary } from '../../contract/site-model.ts';
import { PolysemeError } from '../../errors.ts';
import type { Explained } from '../../explain/explained.ts';
import { keptModelNames } from '../../explain/model-names.ts';
import { readNotes } from '../../explain/notes.ts';
import { notesPath, readNoteLines } from '../../study/notes-file.ts';
import type { Study } from '../../study/study.ts';
import { BlockWriter } from './blocks.ts';
import { writeComparisons } from './compare-blocks.ts';
import { copyExplorer } from './explorer.ts';
import { writeLists } from './list-blocks.ts';
import { writeModel } from './model/write-model.ts';
import { writeSearch } from './search-blocks.ts';
import { TokenTable } from './token-table.ts';
import { unitBlock } from './unit-block.ts';

const DATA = 'data';
const HEAD = 'site.json';
/** Units between two looks at what else the program has to do. */
const TURN = 16;

export interface SiteOptions extends LongCall<Progress> {
  /** Take the place of a site that is there. */
  readonly overwrite?: boolean;
  /** Folder of the built explorer; default: the one in this package. */
  readonly webRoot?: string;
  /** The study with its model, where that is to be in the site. */
  readonly withModel?: Explained | undefined;
}

/**
 * Writes the explorer with a study as a folder that any host of files serves: see `contract/site.ts`. The folder appears whole or
 * not at all.
 *
 * @returns how many files there are, their bytes, and what was added of the model
 * @throws PolysemeError (exists) where there is a folder that is not empty, unless it is a site and may be overwritten
 */
export async function writeSite(
  study: Study,
  dir: string,
  options: SiteOptions = {},
): Promise<{ files: number; bytes: number; model?: SiteModelSummary | undefined }> {
  const { overwrite = false, signal, webRoot } = options;
  checkPlace(study, dir, overwrite);
  let model: SiteModelSummary | undefined;
  await makeWhole(dir, async (folder) => {
    await copyExplorer(folder, { web: webRoot, hasModel: options.withModel !== undefined });
    const source = new StudySource(study);
    try {
      model = await writeData(source, join(folder, DATA), options);
    } finally {
      await source.close();
    }
    checkAborted(signal);
    // The new one is whole.
    await rm(dir, { recursive: true, force: true });
  });
  return { ...sizeOf(dir), model };
}

function sizeOf(dir: string): { files: number; bytes: number } {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const sizes = files.map(({ parentPath, name }) => statSync(join(parentPath, name)).size);
  return { files: files.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

function checkPlace(study: Study, dir: string, overwrite: boolean): void {
  if (!existsSync(dir)) return;
  if (!statSync(dir).isDirectory()) {
    throw new PolysemeError(`${dir} is there, and is no folder: choose another (option out)`, 'exists');
  }
  const entries = readdirSync(dir);
  if (entries.length === 0) return;
  if (!isSite(dir)) {
    throw new PolysemeError(
      `${dir} is there, and is no site of Polyseme's: choose another folder (option out)`,
      'exists',
    );
  }
  if (!overwrite) {
    throw new PolysemeError(
      `${dir} is a site already: choose another folder (option out), or option overwrite`,
      'exists',
    );
  }
  if (realpathSync(study.path).startsWith(`${realpathSync(dir)}${sep}`)) {
    throw new PolysemeError(
      `${study.path} lies in ${dir}, which would be removed: move the study, or choose another folder (option out)`,
      'exists',
    );
  }
}

function isSite(dir: string): boolean {
  try {
    const head = JSON.parse(readFileSync(join(dir, DATA, HEAD), 'utf8')) as Partial<SiteHead> | null;
    return typeof head?.format === 'number' && existsSync(join(dir, 'index.html'));
  } catch {
    return false;
  }
}

async function writeData(
  source: StudySource,
  folder: string,
  options: SiteOptions,
): Promise<SiteModelSummary | undefined> {
  const blocks = new BlockWriter(folder);
  await mkdir(folder);
  try {
    const model = await writeBlocks(source, blocks, options);
    await blocks.finish();
    return model;
  } finally {
    // A folder that is written to cannot be removed.
    await blocks.settle();
  }
}

async function writeBlocks(
  source: StudySource,
  blocks: BlockWriter,
  { onProgress, signal, withModel }: SiteOptions,
): Promise<SiteModelSummary | undefined> {
  const { study, table } = source;
  // What cannot be is said first.
  const model = withModel && (await writeModel(withModel, blocks, { onProgress, signal }));
  await writeComparisons(source, blocks, { onProgress, signal });
  const report = (stage: string, done: number): void => {
    checkAborted(signal);
    onProgress?.({ stage, done, total: table.size, unit: 'units' });
  };
  await writeLists(source, blocks, (done) => report('list', done));
  await writeSearch(source, blocks);
  const tokens = new TokenTable(study);
  const images = new Set<number>();
  const notes = readNotes(readNoteLines(notesPath(study.path)));
  await blocks.json(block.notes, notesAnswer(notes, null));
  const results = keptResults(study);
  for (let row = 0; row < table.size; row++) {
    const { bank, index } = table.name(row);
    const id = source.info.banks.findIndex(({ name }) => name === bank);
    const noted = {
      notes: notesAnswer(notes, { bank, index }),
      modelNames: { names: keptModelNames(results, bank, index) },
    };
    await blocks.write(block.unit(id, index), unitBlock(source, bank, index, tokens, noted));
    await writeImages(source, bank, index, images, blocks);
    if (row % TURN === TURN - 1) await nextTurn();
    report('export', row + 1);
  }
  await blocks.json(block.naming, naming(source, tokens));
  await blocks.json(block.tokens, tokens.table);
  if (model !== undefined) await blocks.write(modelBlock.tokens, pack({ ids: tokens.ids }));
  const head: SiteHead = {
    format: SITE_FORMAT,
    study: studyAnswer(source),
    units: table.size,
    ...(model && { model }),
  };
  await blocks.plain(HEAD, `${JSON.stringify(head)}\n`);
  return model;
}

/** The images that a unit's examples are, unless they were written before. */
async function writeImages(
  { study }: StudySource,
  bank: string,
  index: number,
  written: Set<number>,
  blocks: BlockWriter,
): Promise<void> {
  for (const context of study.detail(bank, index).context) {
    if (written.has(context)) continue;
    const image = study.image(context);
    if (image === null) return;
    written.add(context);
    await blocks.plain(imageFile(context), image);
  }
}

/** What features that are cut anew are named with. */
function naming({ study, wordCounts: { counts, total } }: StudySource, tokens: TokenTable): SiteNaming {
  const sample = study.textSample();
  return {
    total,
    words: [...counts],
    sample: sample && {
      offset: Array.from(sample.offset),
      tokens: Array.from(tokens.numbers(sample.tokens)),
      position: Array.from(sample.position),
    },
  };
}
