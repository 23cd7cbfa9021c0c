import type Database from 'libsql';
import { diskFull, isDiskFull } from '../base/files.ts';
import { PolysemeError } from '../errors.ts';

export type Db = InstanceType<typeof Database>;

/** Runs a database call; SQLite's errors become one line that names the file. */
export function guard<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof PolysemeError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    if (/not a database/i.test(message))
      throw new PolysemeError(`${path} is not a study of Polyseme's`, 'damaged');
    if (isDiskFull(error)) throw diskFull(path);
    if (/malformed|SQLITE_CORRUPT/i.test(message))
      throw new PolysemeError(`${path} is damaged: ${message}`, 'damaged');
    if (/unable to open|readonly|SQLITE_CANTOPEN/i.test(message)) {
      throw new PolysemeError(`${path} cannot be written (${message}): choose another output (option out)`);
    }
    throw new PolysemeError(`${path}: ${message}`);
  }
}
