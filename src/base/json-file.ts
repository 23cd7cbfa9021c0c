import { PolysemeError } from '../errors.ts';
import { type ReadFileOptions, readWhole } from './read-file.ts';

/** Reads a JSON object of at most `limit` bytes; every fault is one line that names the file. */
export async function readJsonObject(
  path: string,
  limit: number,
  options: ReadFileOptions = {},
): Promise<Record<string, unknown>> {
  const damaged = (what: string) => new PolysemeError(`${options.label ?? path} ${what}`, 'damaged');
  const bytes = await readWhole(path, limit, options);
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
