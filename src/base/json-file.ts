import { open } from 'node:fs/promises';
import { PolysemeError } from '../errors.ts';

/** Reads a JSON object of at most `limit` bytes; every fault is one line that names the file. */
export async function readJsonObject(path: string, limit: number): Promise<Record<string, unknown>> {
  const bytes = await readLimited(path, limit);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new PolysemeError(`${path} is not valid UTF-8`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new PolysemeError(`${path} is not valid JSON: ${(error as Error).message.replaceAll(/\s+/g, ' ')}`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new PolysemeError(`${path} is not a JSON object`);
}

async function readLimited(path: string, limit: number): Promise<Buffer> {
  try {
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      if (size > limit) throw new PolysemeError(`${path} has ${size} bytes (limit ${limit})`);
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof PolysemeError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new PolysemeError(`cannot read ${path}: ${code === 'ENOENT' ? 'no such file' : message}`);
  }
}
