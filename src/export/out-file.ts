import { closeSync, lstatSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { writeWhole } from '../base/files.ts';
import { clearLeftovers, withLock } from '../base/lock.ts';
import { checkWritable } from '../base/writable.ts';
import { PolysemeError } from '../errors.ts';
import { JSON_LINES_BEGIN } from './jsonl.ts';
import { UNIT_HTML_BEGINS } from './unit-html.ts';

/** How the files begin that an export makes: no other file is ever replaced. */
const BEGINNINGS = [JSON_LINES_BEGIN, UNIT_HTML_BEGINS];

/**
 * Writes what is exported of a study as one file, whole or not at all, and returns its bytes.
 *
 * @param options.overwrite take the place of a file that an export made
 * @throws PolysemeError (exists) where something is there that may not be replaced: the study itself above all
 */
export async function writeExport(
  study: { readonly path: string },
  out: string,
  chunks: Iterable<string>,
  { overwrite = false }: { readonly overwrite?: boolean } = {},
): Promise<number> {
  await clearLeftovers(out);
  const target = placeOf(study.path, out, overwrite);
  return await withLock(target, 'writing', async () => {
    // Another process may have written there in between.
    placeOf(study.path, out, overwrite);
    await writeWhole(target, chunks);
    return (await stat(target)).size;
  });
}

/** The file that is to be written: what a link leads to, since a link stays what it is. */
function placeOf(study: string, out: string, overwrite: boolean): string {
  const isThere = lstatSync(out, { throwIfNoEntry: false }) !== undefined;
  if (!isThere) {
    checkWritable(out);
    return out;
  }
  const found = statSync(out, { throwIfNoEntry: false });
  if (found === undefined) {
    throw new PolysemeError(`option out ${out} is a link to a file that is not there: remove it`, 'exists');
  }
  if (found.isDirectory()) {
    throw new PolysemeError(`option out ${out} is a folder, not a file: choose a file in it`, 'exists');
  }
  if (!found.isFile()) {
    throw new PolysemeError(
      `option out ${out} is not a file but a device or a pipe: leave out option out, and redirect standard output`,
    );
  }
  const { dev, ino } = statSync(study);
  if (found.dev === dev && found.ino === ino) {
    throw new PolysemeError(
      `option out ${out} is the study that is exported: choose another file (option out)`,
      'exists',
    );
  }
  if (!isExport(out, found.size)) {
    throw new PolysemeError(
      `${out} is there, and no file that an export made: choose another file (option out)`,
      'exists',
    );
  }
  if (!overwrite) {
    throw new PolysemeError(
      `${out} is there already: choose another file (option out), or option overwrite`,
      'exists',
    );
  }
  const target = realpathSync(out);
  checkWritable(target);
  return target;
}

/** Whether a file begins as an export does; in an empty one nothing is lost. */
function isExport(path: string, size: number): boolean {
  if (size === 0) return true;
  const head = Buffer.alloc(Math.max(...BEGINNINGS.map(({ length }) => length)));
  try {
    const file = openSync(path, 'r');
    try {
      const length = readSync(file, head, 0, head.length, 0);
      const text = head.toString('latin1', 0, length);
      return BEGINNINGS.some((beginning) => text.startsWith(beginning));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw new PolysemeError(`cannot read ${path}: ${(error as Error).message}`);
  }
}
