import { open } from 'node:fs/promises';
import { PolysemeError } from '../errors.ts';

export interface JsonFileOptions {
  /** What messages call the file; default its path. */
  readonly label?: string;
  /** How it is opened, as in `fs.open`; default for reading. */
  readonly flags?: string | number;
}

/** Reads a JSON object of at most `limit` bytes; every fault is one line that names the file. */
export async function readJsonObject(
  path: string,
  limit: number,
  { label = path, flags = 'r' }: JsonFileOptions = {},
): Promise<Record<string, unknown>> {
  const damaged = (what: string) => new PolysemeError(`${label} ${what}`, 'damaged');
  const bytes = await readLimited(path, limit, label, flags);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw damaged('is not valid UTF-8');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw damaged(`is not valid JSON: ${(error as Error).message.replaceAll(/\s+/g, ' ')}`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw damaged('is not a JSON object');
}

async function readLimited(
  path: string,
  limit: number,
  label: string,
  flags: string | number,
): Promise<Buffer> {
  try {
    const handle = await open(path, flags);
    try {
      const { size } = await handle.stat();
      if (size > limit) throw new PolysemeError(`${label} has ${size} bytes (limit ${limit})`, 'damaged');
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof PolysemeError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new PolysemeError(`cannot read ${label}: no such file`, 'not-found');
    // Node's message ends with the call and the path.
    throw new PolysemeError(`cannot read ${label}: ${message.replace(/, \w+ '.*'$/, '')}`);
  }
}
