import { createHash } from 'node:crypto';
import { link, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { digestFiles, type FileDigest } from '../../base/file-digest.ts';
import { makeWhole } from '../../base/files.ts';
import { readJsonObject } from '../../base/json-file.ts';
import { PolysemeError } from '../../errors.ts';
import { streamSafetensors } from '../../tensors/write-safetensors.ts';
import type { PlannedTensor } from './plan.ts';
import { plannedValues } from './values.ts';

/** A checkpoint to be made: its small files as JSON, and its weights. */
export interface PlannedCheckpoint {
  readonly json: Readonly<Record<string, object>>;
  /** By the name of their file. */
  readonly weights: Readonly<Record<string, readonly PlannedTensor[]>>;
  /** A file of weights that may lie in another folder already, with the same bytes. */
  readonly shared?: { readonly dir: string; readonly name: string } | undefined;
}

/** Says of a folder what is in it: its last file, without which it is not whole. */
const MANIFEST = 'polyseme.json';
/** Bytes of the manifest. */
const MAX_MANIFEST = 1 << 20;

/**
 * Makes the folder of a checkpoint, whole or not at all, unless it is there as it was made. The files are read back and
 * compared with what was written.
 *
 * @param onStart is called where there is something to do
 */
export async function makeCheckpoint(
  dir: string,
  plan: PlannedCheckpoint,
  onStart: (bytes: number) => void,
): Promise<void> {
  if (await isWhole(dir)) return;
  onStart(
    Object.values(plan.weights)
      .flat()
      .reduce((sum, { shape }) => sum + shape.reduce((n, m) => n * m, 4), 0),
  );
  try {
    const shared = plan.shared !== undefined && (await isWhole(plan.shared.dir)) ? plan.shared : undefined;
    await mkdir(dirname(dir), { recursive: true }).catch(cannotMake(dir));
    await rm(dir, { recursive: true, force: true });
    await makeWhole(dir, (temporary) => write(temporary, { ...plan, shared }));
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!(await isWhole(dir))) throw error;
  }
}

async function write(dir: string, { json, weights, shared }: PlannedCheckpoint): Promise<void> {
  await mkdir(dir, { recursive: true });
  const expected = new Map<string, string>();
  for (const [name, value] of Object.entries(json)) {
    const text = `${JSON.stringify(value)}\n`;
    expected.set(name, createHash('sha256').update(text).digest('hex'));
    await writeFile(join(dir, name), text);
  }
  for (const [name, tensors] of Object.entries(weights)) {
    if (shared?.name === name && (await linked(join(shared.dir, name), join(dir, name)))) continue;
    const hash = createHash('sha256');
    await streamSafetensors(
      join(dir, name),
      tensors.map((tensor) => ({ ...tensor, values: () => plannedValues(tensor) })),
      (bytes) => hash.update(bytes),
    );
    expected.set(name, hash.digest('hex'));
  }
  const files = await digestFiles(
    [...Object.keys(json), ...Object.keys(weights)].map((name) => join(dir, name)),
  );
  const damaged = files.find(({ name, sha256 }) => (expected.get(name) ?? sha256) !== sha256);
  if (damaged !== undefined)
    throw new PolysemeError(
      `${join(dir, damaged.name)} was written and is not the same when read: is the disk sound?`,
    );
  await writeFile(join(dir, MANIFEST), `${JSON.stringify({ files })}\n`);
}

/** Whether the folder has every file that its manifest names, with the same bytes. */
async function isWhole(dir: string): Promise<boolean> {
  const manifest = await readJsonObject(join(dir, MANIFEST), MAX_MANIFEST).catch(() => null);
  if (manifest === null || !Array.isArray(manifest['files'])) return false;
  const known = manifest['files'] as FileDigest[];
  const paths = known.map(({ name }) => join(dir, basename(String(name))));
  const now = await digestFiles(paths, known).catch(() => []);
  return now.length > 0 && now.every(({ sha256 }, i) => sha256 === known[i]!.sha256);
}

function cannotMake(dir: string): (error: Error) => never {
  return (error) => {
    throw new PolysemeError(`cannot write ${dir}: ${error.message}; HF_ASSETS_CACHE names another folder`);
  };
}

/** Puts a second name on a file, where there is one and the disk has such links. */
async function linked(from: string, to: string): Promise<boolean> {
  if (!(await stat(from).catch(() => null))?.isFile()) return false;
  return link(from, to).then(
    () => true,
    () => false,
  );
}
