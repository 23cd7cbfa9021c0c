import { existsSync, realpathSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readJsonObject } from '../base/json-file.ts';
import { PolysemeError } from '../errors.ts';
import { readSafetensorsHeader, type TensorRef, type TensorSource } from '../tensors/safetensors.ts';
import type { Origin } from './origin.ts';

/** A checkpoint's configuration and where each of its tensors lies; no weights are read. */
export interface Checkpoint extends TensorSource {
  readonly dir: string;
  /** `config.json` as it is: unchecked values. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The file that holds the graph itself, of a model that has its own. */
  readonly graph?: string;
  /** What it was made of, where it lies in the cache. */
  readonly origin?: Origin | undefined;
}

/** Bytes of `config.json`. */
export const MAX_CONFIG = 16 << 20;
/** Bytes of `model.safetensors.index.json`; about 100 bytes per tensor. */
const MAX_INDEX = 256 << 20;
/** Files of one checkpoint; the largest published ones have a few hundred. */
const MAX_SHARDS = 10_000;

export const CONFIG = 'config.json';
export const TOKENIZER = 'tokenizer.json';
export const WEIGHTS = 'model.safetensors';
export const WEIGHTS_INDEX = 'model.safetensors.index.json';

/**
 * Opens the checkpoint in folder `dir`: `config.json` with `model.safetensors`, or with
 * `model.safetensors.index.json` and the shards that it names.
 */
export async function openCheckpoint(dir: string): Promise<Checkpoint> {
  const files = new Set(await readdir(dir).catch(cannotOpen(dir)));
  if (!files.has(CONFIG))
    throw new PolysemeError(`${dir} has no ${CONFIG}: it is not a checkpoint's folder`, 'not-found');
  const config = await readJsonObject(join(dir, CONFIG), MAX_CONFIG);
  if (files.has(WEIGHTS)) {
    const { tensors } = await readSafetensorsHeader(join(dir, WEIGHTS));
    return { dir, config, tensors };
  }
  if (files.has(WEIGHTS_INDEX)) return { dir, config, tensors: await openShards(dir) };
  throw noWeights(dir, files);
}

/**
 * The files whose every byte a model depends on: its config, its tokenizer or how it reads images, and weights, or what they
 * were made of.
 */
export function checkpointPaths({ dir, config, tensors, graph, origin }: Checkpoint): string[] {
  if (origin !== undefined) return [...origin.files];
  const files = new Set(Array.from(tensors.values(), ({ file }) => file));
  if (graph !== undefined) files.add(realpathSync(graph));
  const hasConfig = graph === undefined || Object.keys(config).length > 0;
  const readers = [TOKENIZER, 'preprocessor_config.json'].map((name) => join(dir, name)).filter(existsSync);
  return [...(hasConfig ? [join(dir, CONFIG)] : []), ...readers, ...[...files].sort()];
}

/** The shards that an index names, sorted; checked to be plain file names. */
export async function readShardNames(indexPath: string): Promise<string[]> {
  return [...groupByShard(await readWeightMap(indexPath), indexPath).keys()].sort();
}

/** The error for a checkpoint with these files and no safetensors weights. */
export function noWeights(where: string, files: ReadonlySet<string>): PolysemeError {
  const torch = [...files].find((name) => /^pytorch_model.*\.bin(\.index\.json)?$/.test(name));
  if (torch === undefined)
    return new PolysemeError(`${where} has neither ${WEIGHTS} nor ${WEIGHTS_INDEX}`, 'not-found');
  return new PolysemeError(
    `${where} has its weights only as ${torch}, a pickle that can run code: convert it once with Python's ` +
      'transformers: AutoModelForCausalLM.from_pretrained(IN).save_pretrained(OUT, safe_serialization=True)',
  );
}

async function openShards(dir: string): Promise<Map<string, TensorRef>> {
  const indexPath = join(dir, WEIGHTS_INDEX);
  const byShard = groupByShard(await readWeightMap(indexPath), indexPath);
  const tensors = new Map<string, TensorRef>();
  for (const [shard, names] of byShard) {
    const header = await readSafetensorsHeader(join(dir, shard));
    for (const name of names) {
      const ref = header.tensors.get(name);
      if (ref === undefined) {
        throw new PolysemeError(
          `${indexPath} says that ${shard} holds tensor ${JSON.stringify(name)}; it does not`,
          'damaged',
        );
      }
      tensors.set(name, ref);
    }
  }
  return tensors;
}

async function readWeightMap(indexPath: string): Promise<[name: string, shard: unknown][]> {
  const { weight_map: map } = await readJsonObject(indexPath, MAX_INDEX);
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    throw new PolysemeError(`${indexPath} has no weight_map`, 'damaged');
  }
  return Object.entries(map);
}

function groupByShard(weightMap: [name: string, shard: unknown][], indexPath: string): Map<string, string[]> {
  const byShard = new Map<string, string[]>();
  for (const [name, shard] of weightMap) {
    const names = byShard.get(shard as string);
    if (names !== undefined) {
      names.push(name);
      continue;
    }
    if (typeof shard !== 'string' || !isPlainName(shard)) {
      throw new PolysemeError(
        `${indexPath}: tensor ${JSON.stringify(name)} lies in ${JSON.stringify(shard)}, which is no file name`,
        'damaged',
      );
    }
    if (byShard.size === MAX_SHARDS)
      throw new PolysemeError(`${indexPath} names more than ${MAX_SHARDS} files`);
    byShard.set(shard, [name]);
  }
  return byShard;
}

/** A name inside the folder: no separators of any system, no drive, no `..`. */
function isPlainName(name: string): boolean {
  return /^[^/\\:\0]+$/.test(name) && name !== '.' && name !== '..';
}

function cannotOpen(dir: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    const reason = { ENOENT: 'no such folder', ENOTDIR: 'not a folder' }[error.code ?? ''] ?? error.message;
    throw new PolysemeError(
      `cannot open the checkpoint ${dir}: ${reason}`,
      error.code === 'ENOENT' ? 'not-found' : 'bad-input',
    );
  };
}
