import { PolysemeError } from '../errors.ts';
import type { HubFiles } from '../hub/hub.ts';
import { openTensors } from '../tensors/open-tensors.ts';
import type { TensorFile } from '../tensors/tensors.ts';
import { readDictionaryLearning } from './formats/dictionary-learning.ts';
import { openFolder, type SaeFolder } from './formats/folder.ts';
import { readGemmaScope } from './formats/gemma-scope.ts';
import { readOpenAi } from './formats/openai.ts';
import { readSaeLens } from './formats/sae-lens.ts';
import { readSparsify } from './formats/sparsify.ts';
import { Sae } from './sae.ts';

/** Files that hold an SAE's weights, in the order in which they are looked for. */
const WEIGHTS = ['sae_weights.safetensors', 'sae.safetensors', 'ae.pt', 'params.npz', 'params.safetensors'];

/**
 * Loads an SAE. Its format is told from what the file holds: SAELens, dictionary_learning, sparsify,
 * Gemma Scope or OpenAI.
 * @param source a folder, a weights file, or `hf:owner/name[@revision][:path]`
 * @param options.hub the hub of `hf:` sources; default: the one that models come from
 * @param options.hookName the site that it reads, where neither its files nor its path say so (or are wrong)
 *
 * @example
 * const sae = await loadSae('my-sae'); // a folder that saveSae wrote
 * console.log(sae.config.architecture, sae.config.dSae, sae.config.hookName);
 */
export async function loadSae(
  source: string,
  { hub, hookName }: { hub?: HubFiles; hookName?: string } = {},
): Promise<Sae> {
  const folder = await openFolder(source, hub);
  const name = await weightsName(folder);
  const label = folder.file === name ? folder.label : `${folder.label} (${name})`;
  const file = await openTensors(await folder.local(name), label);
  try {
    return withSite(await readerFor(file)(file, folder), hookName);
  } finally {
    await file.close();
  }
}

async function weightsName(folder: SaeFolder): Promise<string> {
  if (folder.file !== null && !folder.file.endsWith('.json')) return folder.file;
  const known = WEIGHTS.find((name) => folder.has(name));
  if (known !== undefined) return known;
  const others = folder.names.filter(
    (name) => /\.(safetensors|pt|npz)$/.test(name) && !name.startsWith('sparsity'),
  );
  if (others.length === 1) return others[0]!;
  return noWeights(folder, others);
}

function readerFor({
  container,
  tensors,
}: TensorFile): (file: TensorFile, folder: SaeFolder) => Promise<Sae> {
  if (tensors.has('pre_bias')) return readOpenAi;
  if (container === 'npz' || tensors.has('w_enc')) return readGemmaScope;
  if (container === 'torch') return readDictionaryLearning;
  return tensors.has('encoder.weight') ? readSparsify : readSaeLens;
}

function withSite(sae: Sae, hookName: string | undefined): Sae {
  const { config, tensors, label, notes } = sae;
  if (hookName !== undefined) return new Sae({ ...config, hookName }, tensors, { label, notes });
  if (config.hookName !== null) return sae;
  const note = 'neither its files nor its path say which site it reads: give hookName';
  return new Sae(config, tensors, { label, notes: [...notes, note] });
}

async function noWeights(folder: SaeFolder, others: readonly string[]): Promise<never> {
  if (others.length > 1) {
    throw new PolysemeError(`${folder.label}: which of its files is the SAE? Name one: ${listed(others)}`);
  }
  const below = await folder.hints(WEIGHTS);
  const hint =
    below.length === 0
      ? `none of ${WEIGHTS.join(', ')} is there`
      : `folders below have one: ${listed(below)}`;
  throw new PolysemeError(`no SAE in ${folder.label}: ${hint}`, 'not-found');
}

function listed(names: readonly string[]): string {
  return names.slice(0, 8).join(', ') + (names.length > 8 ? `, … (${names.length})` : '');
}
