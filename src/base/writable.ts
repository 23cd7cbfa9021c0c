import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { PolysemeError } from '../errors.ts';
import { contentsOf } from './lock.ts';

/** Files of a folder that are named in an error. */
const MOST_NAMED = 3;

/**
 * Refuses a file that cannot be made or replaced.
 * @param option what the option is called that names it
 */
export function checkWritable(path: string, option = 'out'): void {
  checkFolderOf(path, option);
  if (existsSync(path) && !statSync(path).isFile()) {
    throw new PolysemeError(`option ${option} ${path} is not a file`);
  }
  try {
    if (existsSync(path)) accessSync(path, constants.W_OK);
  } catch {
    throw new PolysemeError(`option ${option} ${path} cannot be written: no permission`);
  }
}

/**
 * Refuses a folder that holds what others have put there: it may be new, empty, or begun by the same command.
 * @param options.begun the file by which a begun one is known
 * @param options.advice what else can be done
 */
export function checkVacant(
  folder: string,
  { begun, advice = 'choose another (option out)' }: { begun?: string; advice?: string } = {},
): void {
  // Of a file that has its place, others tell: see checkFolder.
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
  const found = contentsOf(folder);
  if (found.length === 0 || (begun !== undefined && found.includes(begun))) return;
  const more = found.length > MOST_NAMED ? ` and ${found.length - MOST_NAMED} more` : '';
  throw new PolysemeError(
    `folder ${folder} holds other files (${found.sort().slice(0, MOST_NAMED).join(', ')}${more}): ${advice}`,
    'exists',
  );
}

/** Refuses a file or folder whose own folder is not there, or may not be written to. */
function checkFolderOf(path: string, option: string): void {
  const folder = dirname(path);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new PolysemeError(`option ${option} ${path}: there is no folder ${folder}`, 'not-found');
  }
  try {
    accessSync(folder, constants.W_OK);
  } catch {
    throw new PolysemeError(`option ${option} ${path} cannot be written: no permission in ${folder}`);
  }
}

/**
 * Refuses a folder that cannot be made, since a file has its place, or that of a folder above it.
 * @param said how the error begins
 */
export function checkFolder(path: string, said = `option out ${path}`): void {
  let there = resolve(path);
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there);
  if (statSync(there).isDirectory()) return;
  throw new PolysemeError(`${said}: ${there} is there, and is no folder`, 'exists');
}
