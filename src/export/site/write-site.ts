import { existsSync, statSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { keptResults } from '../../answers/kept-results.ts';
import { notesAnswer } from '../../answers/notes-answer.ts';
import { StudySource } from '../../answers/served-study.ts';
import { studyAnswer } from '../../answers/study-answer.ts';
import { makeWhole, removeLeftovers, temporaryName, writeError } from '../../base/files.ts';
import { contentsOf } from '../../base/lock.ts';
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
import { readExplorer, sitePage } from './explorer.ts';
import { writeLists } from './list-blocks.ts';
import { writeModel } from './model/write-model.ts';
import { writeSearch } from './search-blocks.ts';
import { dataName, listOf, PAGE, SiteFolder } from './site-folder.ts';
import { TokenTable } from './token-table.ts';
import { unitBlock } from './unit-block.ts';

/** What a folder of data is called while it is written. */
const TEMPORARY = 'data';
const HEAD = 'site.json';
/** Units between two looks at what else the program has to do. */
const TURN = 16;

export interface SiteOptions extends LongCall<Progress> {
  /** Take the place of a site that is there; files that no export made stay. */
  readonly overwrite?: boolean;
  /** Folder of the built explorer; default: the one in this package. */
  readonly webRoot?: string;
  /** The study with its model, where that is to be in the site. */
  readonly withModel?: Explained | undefined;
}

export interface WrittenSite {
  readonly files: number;
  readonly bytes: number;
  /** The folder in it that has the study's data. */
  readonly data: string;
  readonly model?: SiteModelSummary | undefined;
}

/**
 * Writes the explorer with a study as a folder that any host of files serves: see `contract/site.ts`. A new folder appears whole or
 * not at all. In one that is there, the site that it has stays whole until the page shows the new one; what no export made stays.
 *
 * @returns how many files there are, their bytes, the folder of the data, and what was added of the model
 * @throws PolysemeError (exists) where a folder has other files and no site, or a site, unless that may be overwritten
 */
export async function writeSite(study: Study, dir: string, options: SiteOptions = {}): Promise<WrittenSite> {
  const found = checkPlace(dir, options.overwrite ?? false);
  const explorer = await readExplorer(options.webRoot);
  if (found === null) {
    let written: WrittenSite;
    await makeWhole(dir, async (folder) => {
      await mkdir(folder);
      written = await fill(new SiteFolder(folder), study, explorer, options);
    });
    return written!;
  }
  try {
    await removeLeftovers(dir, TEMPORARY);
    return await fill(found, study, explorer, options);
  } catch (error) {
    throw writeError(dir, error);
  }
}

/** Writes a site into a folder, and removes what earlier exports made there. */
async function fill(
  folder: SiteFolder,
  study: Study,
  explorer: ReadonlyMap<string, Uint8Array>,
  options: SiteOptions,
): Promise<WrittenSite> {
  folder.checkPlaces(explorer);
  const temporary = join(folder.dir, temporaryName(TEMPORARY));
  const blocks = new BlockWriter(temporary);
  const source = new StudySource(study);
  try {
    await mkdir(temporary);
    const model = await writeBlocks(source, blocks, options);
    await blocks.finish();
    const data = dataName(blocks.written, explorer);
    const page = Buffer.from(explorer.get(PAGE)!).toString();
    const files = new Map(explorer).set(
      PAGE,
      Buffer.from(sitePage(page, data, options.withModel !== undefined)),
    );
    await blocks.json(block.files, listOf(blocks.written.keys(), files));
    await blocks.finish();
    checkAborted(options.signal);
    await folder.takeData(temporary, data);
    await folder.takeExplorer(files);
    await folder.removeEarlier(data, files);
    const sizes = [
      ...[...blocks.written.values()].map(({ bytes }) => bytes),
      ...[...files.values()].map(({ length }) => length),
    ];
    return { files: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0), data, model };
  } catch (error) {
    // A folder that is written to cannot be removed.
    await blocks.settle();
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw error;
  } finally {
    await source.close();
  }
}

/** What is in the folder; null where there is none. */
function checkPlace(dir: string, overwrite: boolean): SiteFolder | null {
  if (!existsSync(dir)) return null;
  if (!statSync(dir).isDirectory()) {
    throw new PolysemeError(`${dir} is there, and is no folder: choose another (option out)`, 'exists');
  }
  const folder = new SiteFolder(dir);
  if (!folder.isSite) {
    if (contentsOf(dir).length === 0) return folder;
    if (existsSync(join(dir, 'data', HEAD))) {
      throw new PolysemeError(
        `${dir} has a site of an earlier version, which kept no list of its files: remove it, or choose another folder (option out)`,
        'exists',
      );
    }
    throw new PolysemeError(
      `${dir} is there, and is no site of Polyseme's: choose another folder (option out)`,
      'exists',
    );
  }
  // Without its page it is what a killed export left.
  if (!overwrite && existsSync(join(dir, PAGE))) {
    throw new PolysemeError(
      `${dir} is a site already: choose another folder (option out), or option overwrite`,
      'exists',
    );
  }
  return folder;
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
