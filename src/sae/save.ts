import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { checkFolder } from '../base/writable.ts';
import { PolysemeError } from '../errors.ts';
import { SAE_FORMATS, type SaeFormat } from './config.ts';
import { writeDictionaryLearning } from './formats/dictionary-learning-write.ts';
import { writeGemmaScope } from './formats/gemma-scope.ts';
import { writeOpenAi } from './formats/openai.ts';
import { writeSaeLens } from './formats/sae-lens.ts';
import { writeSparsify } from './formats/sparsify.ts';
import type { Sae } from './sae.ts';

const WRITERS: Readonly<Record<SaeFormat, (sae: Sae, at: (name: string) => string) => Promise<string[]>>> = {
  saelens: writeSaeLens,
  dictionary_learning: writeDictionaryLearning,
  sparsify: writeSparsify,
  gemma_scope: writeGemmaScope,
  openai: writeOpenAi,
};

/**
 * Writes an SAE's files into a folder, as 32-bit floats, for the format's own package to read.
 * @param options.format default `saelens`
 * @returns notes: one line each on what the format's package will do otherwise
 * @throws PolysemeError naming what the format cannot express
 *
 * @example
 * const sae = await loadSae('my-sae');
 * await saveSae(sae, 'converted', { format: 'dictionary_learning' });
 */
export async function saveSae(
  sae: Sae,
  folder: string,
  { format = 'saelens' }: { format?: SaeFormat } = {},
): Promise<string[]> {
  if (!Object.hasOwn(WRITERS, format)) {
    throw new PolysemeError(`SAE format ${String(format)} is not one of ${SAE_FORMATS.join(', ')}`);
  }
  checkFolder(folder, `cannot write an SAE to ${folder}`);
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw new PolysemeError(`cannot write an SAE to ${folder}: ${(error as Error).message}`);
  }
  return WRITERS[format](sae, (name) => join(folder, name));
}
