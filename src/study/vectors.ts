import { existsSync, lstatSync } from 'node:fs';
import { mkdir, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeRoom } from '../base/folder-size.ts';
import { checkAborted, type LongCall, type Progress } from '../base/progress.ts';
import { connect } from '../base/worker.ts';
import { PolysemeError } from '../errors.ts';
import type { Study } from './study.ts';
import { type BankVectors, VectorsFile, type VectorsOf } from './vectors-file.ts';
import type { VectorsMethods, VectorsSetup } from './vectors-worker.ts';

/** How many units' features have their vectors. */
export interface VectorsProgress extends Progress {
  readonly stage: 'vectors';
  readonly unit: 'units';
}

/** Where all features of a study lie. */
export interface StudyVectors extends Disposable {
  readonly banks: readonly BankVectors[];
  close(): void;
}

/** Units between two reports of progress. */
const UNITS = 64;

/** Where the vectors of a study's features are kept. */
export function vectorsFolder(study: string): string {
  return `${study.replace(/\.db$/, '')}.vectors`;
}

/** Absent on Windows, where each user has temporary files of their own. */
const UID = process.getuid?.();
/** Most bytes of the folder for studies whose own folder cannot be written. */
const MOST_SPARE = 4e9;

/** Where vectors of studies are kept whose own folder cannot be written: a folder a study, of this user alone. */
export function spareVectors(): string {
  return join(tmpdir(), ['polyseme-vectors', ...(UID === undefined ? [] : [UID])].join('-'));
}

/**
 * Where all features of a finished study lie, kept beside it: `study.vectors/` for `study.db`, one safetensors file a
 * bank. They follow from the study and are no part of its content: each file names the content hash that it is of and the
 * digest of its own data, what is missing, damaged or of another content is computed (about a millisecond a unit, in a
 * thread of its own), and the folder may be deleted at any time.
 * Where the study's folder cannot be written, they are kept among the system's temporary files: at most 4 GB, those of
 * studies not used for longest make room.
 *
 * @throws PolysemeError where the study is unfinished
 * @example
 * const study = openStudy('study.db');
 * const vectors = await openVectors(study);
 * const [{ bank, width, units, features }] = vectors.banks;
 * console.log(`${features.length} features of ${bank}, the first of unit ${units[0]}: ${width} numbers each`);
 * vectors.close();
 * study.close();
 */
export async function openVectors(
  study: Study,
  { onProgress, signal }: LongCall<VectorsProgress> = {},
): Promise<StudyVectors> {
  const { banks, contentHash } = study.info();
  if (contentHash === null) {
    throw new PolysemeError(
      `${study.path} is unfinished: its features are compared once its run is done; type the run's command again`,
    );
  }
  const spare = join(spareVectors(), contentHash.slice(0, 32));
  const folders = [vectorsFolder(study.path), ...(isOwn(spareVectors()) ? [spare] : [])];
  const opened: VectorsFile[] = [];
  const close = (): void => {
    for (const file of opened) file.close();
  };
  try {
    let done = 0;
    const total = banks.reduce((sum, { units }) => sum + units, 0);
    for (const [id, { name: bank, units, width }] of banks.entries()) {
      const of = { bank, units, width, contentHash };
      const file = `${id}-${bank.replaceAll(/[^\w.-]/g, '_').slice(0, 60)}.safetensors`;
      const report = (ready: number): void =>
        onProgress?.({ stage: 'vectors', unit: 'units', done: done + ready, total });
      opened.push(
        (await openFirst(folders, file, of)) ??
          (await VectorsFile.open(await make(study, folders, file, of, report, signal), of)),
      );
      done += units;
    }
    if (existsSync(spare)) await keepSpare(spare);
  } catch (error) {
    close();
    throw error;
  }
  return { banks: opened, close, [Symbol.dispose]: close };
}

/** Whether nobody else could have put files there. */
function isOwn(folder: string): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  return UID === undefined || found === undefined || (found.isDirectory() && found.uid === UID);
}

/** Its time says when it was last used; others make room for it. */
async function keepSpare(folder: string): Promise<void> {
  await utimes(folder, new Date(), new Date()).catch(() => {});
  await makeRoom(spareVectors(), MOST_SPARE, folder).catch(() => {});
}

async function openFirst(
  folders: readonly string[],
  name: string,
  of: VectorsOf,
): Promise<VectorsFile | null> {
  for (const folder of folders) {
    const path = join(folder, name);
    if (!existsSync(path)) continue;
    // What cannot be read is made again.
    const found = await VectorsFile.open(path, of).catch(() => null);
    if (found !== null) return found;
  }
  return null;
}

/** Computes the vectors of a bank and writes them to the first folder that can be written; returns their path. */
async function make(
  study: Study,
  folders: readonly string[],
  name: string,
  of: VectorsOf,
  report: (units: number) => void,
  signal: AbortSignal | undefined,
): Promise<string> {
  const setup: VectorsSetup = { path: study.path, of };
  const worker = connect<VectorsMethods>(new URL('./vectors-worker.js', import.meta.url), setup);
  try {
    for (let isDone = false; !isDone; ) {
      const { done, total } = await worker.call('next', UNITS);
      checkAborted(signal);
      report(done);
      isDone = done === total;
    }
    let failure: unknown;
    for (const folder of folders) {
      const path = join(folder, name);
      try {
        // Among temporary files nobody else may write into it.
        await mkdir(folder, { recursive: true, mode: folder === folders[0] ? 0o777 : 0o700 });
        await worker.call('write', path);
        return path;
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  } finally {
    await worker.close();
  }
}
