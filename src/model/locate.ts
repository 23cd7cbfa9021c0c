import { statSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PolysemeError } from '../errors.ts';
import { type DownloadOptions, parseHubId } from '../hub/hub.ts';
import { downloadModel } from './download.ts';
import { type GgufOptions, noChoice, openGgufModel } from './gguf/gguf-model.ts';
import type { Origin } from './origin.ts';

const BUILTIN = 'builtin:';
/** The package's `models/`, from `dist/model/`. */
const MODELS = new URL('../../models/', import.meta.url);

/** Where a model lies. */
export interface Located {
  /** The folder of its checkpoint, or an ONNX file. */
  readonly path: string;
  /** What it was made of, where that is not the folder itself. */
  readonly origin?: Origin;
}

/** A model given as a `.gguf` file, made into a checkpoint, or as `resolveModel` takes it. */
export async function locateModel(source: string, options: GgufOptions): Promise<Located> {
  if (isGgufFile(source)) {
    const { dir, origin } = await openGgufModel(source, options);
    return { path: dir, origin };
  }
  if (options.ropeLayout !== 'auto') throw noChoice(source);
  return { path: await resolveModel(source) };
}

/**
 * The folder of a model given as a folder, as `builtin:NAME`, or as a hub id `owner/name[@revision]`, which is
 * downloaded unless the cache has it. A folder wins over a hub id of the same spelling.
 */
export async function resolveModel(source: string, options: DownloadOptions = {}): Promise<string> {
  if (source.startsWith(BUILTIN)) return resolveBuiltin(source);
  const status = await stat(source).catch(() => null);
  if (status?.isDirectory()) return checkpointFolder(resolve(source));
  if (status?.isFile() && isOnnxFile(source)) return resolve(source);
  if (status !== null)
    throw new PolysemeError(
      `the model ${source} is a file: give the folder that holds it, or a .gguf or .onnx file`,
    );
  if (looksLikePath(source) || parseHubId(source) === null) {
    throw new PolysemeError(
      `the model ${JSON.stringify(source)} does not exist: give a folder, a .gguf or .onnx file, a hub id (owner/name) or ${await builtins()}`,
      'not-found',
    );
  }
  try {
    return await downloadModel(source, options);
  } catch (error) {
    if (!(error instanceof PolysemeError)) throw error;
    throw new PolysemeError(
      `${error.message}; a folder ${JSON.stringify(source)} does not exist either`,
      error.code,
    );
  }
}

/** Early sentence-transformers keep the checkpoint in the folder of their first module, `0_Transformer`. */
async function checkpointFolder(dir: string): Promise<string> {
  const names = await readdir(dir).catch(() => [] as string[]);
  const first = names.includes('modules.json') ? names.find((name) => /^0_[A-Za-z]+$/.test(name)) : undefined;
  return first === undefined ? dir : join(dir, first);
}

/** Whether a source is a GGUF file that is there. */
export function isGgufFile(source: string): boolean {
  return /\.gguf$/i.test(source) && (statSync(source, { throwIfNoEntry: false })?.isFile() ?? false);
}

/** Whether a path names an ONNX file. */
export function isOnnxFile(path: string): boolean {
  return /\.onnx$/i.test(path);
}

async function resolveBuiltin(source: string): Promise<string> {
  const name = source.slice(BUILTIN.length);
  if ((await builtinNames()).includes(name)) return fileURLToPath(new URL(name, MODELS));
  throw new PolysemeError(`there is no ${source}; built in: ${await builtins()}`, 'not-found');
}

async function builtins(): Promise<string> {
  return (await builtinNames()).map((name) => BUILTIN + name).join(', ');
}

async function builtinNames(): Promise<string[]> {
  const entries = await readdir(MODELS, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/** What nobody writes for a hub id: `./x`, `/x`, `~/x`, `x/`, `a/b/c`, `C:\x`, a weight file's name. */
function looksLikePath(source: string): boolean {
  const name = source.split('@', 1)[0]!;
  return (
    /^[./~]|\\|\/$|^[A-Za-z]:|\.(safetensors|bin|gguf|json|pt|onnx)$/.test(name) || name.split('/').length > 2
  );
}
