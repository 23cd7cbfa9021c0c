import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { PolysemeError } from '../errors.ts';
import type { LocalFile } from './local.ts';

/** The State of the Union addresses that are packed into the package: rows `{ name: "1863 Abraham Lincoln", text }`. */
export async function sotuFile(): Promise<LocalFile> {
  const path = fileURLToPath(new URL('../../dist/data/sotu.jsonl.gz', import.meta.url));
  const status = await stat(path).catch(() => undefined);
  if (!status)
    throw new PolysemeError(`builtin:sotu: ${path} is missing; build it with npm run build`, 'not-found');
  return { path, name: 'sotu.jsonl.gz', size: status.size, time: 0 };
}
