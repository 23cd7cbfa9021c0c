import { join } from 'node:path';
import { PolysemeError } from '../errors.ts';
import { CONFIG, noWeights, readShardNames, WEIGHTS, WEIGHTS_INDEX } from '../model/checkpoint.ts';
import { openRepository, type Repository } from './hub-cache.ts';
import type { HubFile, HubRepo } from './hub-client.ts';
import { readHubSettings } from './hub-settings.ts';

export type { HubFile, HubRepo } from './hub-client.ts';

export interface DownloadProgress {
  /** The file that is being fetched. */
  readonly file: string;
  /** Bytes of all files so far, and in the end; files that were in the cache are not counted. */
  readonly bytes: number;
  readonly total: number;
}

export interface DownloadOptions {
  onProgress?: (progress: DownloadProgress) => void;
}

const TOKENIZER = 'tokenizer.json';
const TOKENIZER_CONFIG = 'tokenizer_config.json';

/**
 * Downloads what a model needs into the standard cache (`config.json`, `tokenizer.json`, `tokenizer_config.json`
 * where there is one, and the safetensors weights) and gives the snapshot's folder. What the cache holds is not
 * fetched again; offline, a complete cache is enough.
 * `id` is `owner/name` or `owner/name@revision`.
 */
export async function downloadModel(
  id: string,
  options: DownloadOptions & { revision?: string } = {},
): Promise<string> {
  const { name, revision = options.revision } =
    parseHubId(id) ?? fail(`${JSON.stringify(id)} is no hub id (owner/name)`);
  checkRevision(revision);
  const settings = readHubSettings();
  const repository = await openRepository(settings, { type: 'model', name, revision });
  const { files, listed, dir } = repository;
  if (!listed) {
    const missing = [CONFIG, TOKENIZER].find((file) => !files.has(file));
    const weights =
      files.has(WEIGHTS) || files.has(WEIGHTS_INDEX) ? missing : (missing ?? 'its safetensors weights');
    if (weights !== undefined) {
      fail(`the cache ${settings.cacheDir} lacks ${weights} of ${name}, and ${repository.offline}`);
    }
  }
  for (const file of [CONFIG, TOKENIZER]) {
    if (!files.has(file)) fail(`the model ${name} has no ${file}; its files: ${some(files.keys())}`);
  }
  if (!files.has(WEIGHTS) && !files.has(WEIGHTS_INDEX))
    throw noWeights(`the model ${name}`, new Set(files.keys()));

  const small = [CONFIG, TOKENIZER, TOKENIZER_CONFIG].filter((file) => files.has(file));
  await downloadAll(repository, small, options);
  if (files.has(WEIGHTS)) {
    await downloadAll(repository, [WEIGHTS], options);
    return dir;
  }
  await downloadAll(repository, [WEIGHTS_INDEX], options);
  const shards = await readShardNames(join(dir, WEIGHTS_INDEX));
  for (const shard of shards) {
    if (files.has(shard)) continue;
    fail(
      listed
        ? `the model ${name} has no ${shard}, which its ${WEIGHTS_INDEX} names`
        : `the cache ${settings.cacheDir} lacks ${shard} of ${name}, and ${repository.offline}`,
    );
  }
  await downloadAll(repository, shards, options);
  return dir;
}

/** Single files of models and data sets, through the same cache. Within one process a revision stays at one commit. */
export interface HubFiles {
  list(repo: HubRepo): Promise<HubFile[]>;
  /** Local path of one file. */
  download(repo: HubRepo, path: string, options?: DownloadOptions): Promise<string>;
}

export const hubFiles: HubFiles = createHubFiles();

export function createHubFiles(): HubFiles {
  const opened = new Map<string, Promise<Repository>>();
  const openOnce = (repo: HubRepo): Promise<Repository> => {
    if (parseHubId(repo.name)?.name !== repo.name)
      fail(`${JSON.stringify(repo.name)} is no hub id (owner/name)`);
    checkRevision(repo.revision);
    const settings = readHubSettings();
    const key = JSON.stringify([settings, repo.type, repo.name, repo.revision]);
    const known = opened.get(key);
    if (known !== undefined) return known;
    const opening = openRepository(settings, repo);
    opened.set(key, opening);
    opening.catch(() => opened.delete(key));
    return opening;
  };
  return {
    async list(repo) {
      const { files, listed, offline } = await openOnce(repo);
      if (!listed) checkShards(files, repo, offline);
      return Array.from(files.values(), ({ path, size }) => ({ path, size }));
    },
    async download(repo, path, options = {}) {
      const repository = await openOnce(repo);
      if (!repository.files.has(path)) {
        const where = repository.listed ? '' : ` in the cache, and ${repository.offline}`;
        fail(`the ${repo.type} ${repo.name} has no file ${JSON.stringify(path)}${where}`);
      }
      await downloadAll(repository, [path], options);
      return join(repository.dir, ...path.split('/'));
    },
  };
}

/** Splits `owner/name@revision` (or an old model's single name); null where `id` is none. */
export function parseHubId(id: string): { name: string; revision?: string } | null {
  const match = /^([A-Za-z0-9][\w.-]{0,95}(?:\/[\w.-]{1,96})?)(?:@(.+))?$/.exec(id);
  if (match === null || /--|\.\.|[./-](?=\/|$)/.test(match[1])) return null;
  return match[2] === undefined ? { name: match[1] } : { name: match[1], revision: match[2] };
}

async function downloadAll(
  repository: Repository,
  paths: readonly string[],
  { onProgress }: DownloadOptions,
) {
  const missing: HubFile[] = [];
  for (const path of paths) {
    if (!(await repository.has(path))) missing.push(repository.files.get(path)!);
  }
  const total = missing.reduce((sum, { size }) => sum + size, 0);
  let before = 0;
  for (const { path: file, size } of missing) {
    await repository.download(file, (bytes) => onProgress?.({ file, bytes: before + bytes, total }));
    before += size;
  }
}

/** Files named `…-00000-of-00005…` tell how many there are: with some of them missing, a cache is not the data. */
function checkShards(files: ReadonlyMap<string, HubFile>, repo: HubRepo, offline: string | undefined): void {
  for (const path of files.keys()) {
    const match = /^(.*-)(\d{5})-of-(\d{5})(\D.*)?$/.exec(path);
    if (match === null) continue;
    const [, start, , count, end = ''] = match;
    for (let i = 0; i < Number(count); i++) {
      const sibling = `${start}${String(i).padStart(5, '0')}-of-${count}${end}`;
      if (!files.has(sibling)) fail(`the cache lacks ${sibling} of ${repo.name}, and ${offline}`);
    }
  }
}

function checkRevision(revision: string | undefined): void {
  if (revision === undefined) return;
  if (!/^[\w][\w./+-]*$/.test(revision) || /\.\.|\/\/|\/$|\.lock$/.test(revision)) {
    fail(`${JSON.stringify(revision)} is no revision (a branch, a tag or a commit)`);
  }
}

function some(names: Iterable<string>): string {
  const all = [...names];
  return all.slice(0, 8).join(', ') + (all.length > 8 ? ` and ${all.length - 8} more` : '');
}

function fail(message: string): never {
  throw new PolysemeError(message);
}
