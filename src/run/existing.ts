import { accessSync, constants, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Bank } from '../bank/bank.ts';
import { diskFull, isDiskFull, makeWhole } from '../base/files.ts';
import { PolysemeError } from '../errors.ts';
import type { StoredMeta, StudyMeta } from '../study/meta.ts';
import { StudyWriter } from '../study/writer.ts';

/** Made whole: no half-made study is ever there. */
export function createStudy(out: string, meta: StudyMeta, banks: readonly Bank[]): Promise<void> {
  const described = banks.map(({ name, kind, site, units, width, embedding }) => ({
    name,
    kind,
    site,
    units,
    width,
    embedding,
  }));
  return makeWhole(out, (temporary) => {
    try {
      StudyWriter.create(temporary, meta, described).close();
    } catch (error) {
      removeStudy(temporary);
      throw isDiskFull(error) ? diskFull(out) : error;
    }
  });
}

/** What the study in `out` says of itself. */
export function readMeta(out: string): StoredMeta {
  const writer = StudyWriter.open(out);
  try {
    return writer.info();
  } finally {
    writer.close();
  }
}

/** Whether a study is finished, and in what it differs from what is asked for. */
export function compareMeta(
  there: StoredMeta,
  asked: StudyMeta,
): { complete: boolean; differences: string[] } {
  const differences: string[] = [];
  for (const part of ['model', 'data', 'options'] as const) {
    for (const key of new Set([...Object.keys(asked[part]), ...Object.keys(there[part])])) {
      const [before, now] = [there[part][key] ?? null, asked[part][key] ?? null].map((value) =>
        JSON.stringify(value),
      );
      const name = part === 'options' ? key : key === 'source' ? part : `${part} ${key}`;
      if (before !== now) differences.push(`${name} ${before} there, ${now} asked`);
    }
  }
  return { complete: there.status === 'complete', differences };
}

/** Whether the study that is there is finished; one of other options is an error that names what differs. */
export function isComplete(out: string, there: StoredMeta, asked: StudyMeta): boolean {
  const { complete, differences } = compareMeta(there, asked);
  if (differences.length > 0) {
    throw new PolysemeError(
      `${out} is a study with other options (${differences.slice(0, 4).join('; ')}): choose another output (option out), or option overwrite`,
      'exists',
    );
  }
  return complete;
}

/** Refuses a file that cannot be made or replaced. */
export function checkWritable(out: string): void {
  const folder = dirname(out);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new PolysemeError(`option out ${out}: there is no folder ${folder}`, 'not-found');
  }
  if (existsSync(out) && !statSync(out).isFile()) throw new PolysemeError(`option out ${out} is not a file`);
  try {
    accessSync(existsSync(out) ? out : folder, constants.W_OK);
    accessSync(folder, constants.W_OK);
  } catch {
    throw new PolysemeError(`option out ${out} cannot be written: no permission in ${folder}`);
  }
}

/** A study and the files that SQLite keeps beside one that was not closed. */
const SUFFIXES = ['', '-wal', '-shm'];

/** Removes a study with the files beside it, or a folder. */
export function removeStudy(path: string): void {
  for (const suffix of SUFFIXES) rmSync(path + suffix, { recursive: true, force: true });
}

/** Moves a study whole: a log left beside another database would be played back into it. */
export function moveStudy(from: string, to: string): void {
  removeStudy(to);
  for (const suffix of SUFFIXES) if (existsSync(from + suffix)) renameSync(from + suffix, to + suffix);
}
