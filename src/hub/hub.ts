import { join } from 'node:path';
import { type ErrorCode, PolysemeError } from '../errors.ts';
import { openRepository, type Repository } from './hub-cache.ts';
import type { HubFile, HubRepo } from './hub-client.ts';
import { type HubSettings, readHubSettings } from './hub-settings.ts';

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

/** Single files of models and data sets, through the same cache. Within one process a revision stays at one commit. */
export interface HubFiles {
  list(repo: HubRepo): Promise<HubFile[]>;
  /** Local path of one file. */
  download(repo: HubRepo, path: string, options?: DownloadOptions): Promise<string>;
}

export const hubFiles: HubFiles = createHubFiles();

export function createHubFiles(): HubFiles {
  const opened = new Map<string, Promise<Repository>>();
  const openOnce = async (repo: HubRepo): Promise<Repository> => {
    const settings = readHubSettings();
    const key = JSON.stringify([settings, repo.type, repo.name, repo.revision]);
    const known = opened.get(key);
    if (known !== undefined) return known;
    const opening = openHubRepository(repo, settings);
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

/** Lists a repository on the hub, or in the cache. @throws PolysemeError where its name or revision cannot be one */
export async function openHubRepository(
  repo: HubRepo,
  settings: HubSettings = readHubSettings(),
): Promise<Repository> {
  if (parseHubId(repo.name)?.name !== repo.name)
    fail(`${JSON.stringify(repo.name)} is no hub id (owner/name)`, 'bad-input');
  checkRevision(repo.revision);
  return openRepository(settings, repo);
}

/** Splits `owner/name@revision` (or an old model's single name); null where `id` is none. */
export function parseHubId(id: string): { name: string; revision?: string } | null {
  const match = /^([A-Za-z0-9][\w.-]{0,95}(?:\/[\w.-]{1,96})?)(?:@(.+))?$/.exec(id);
  if (match === null) return null;
  const [, name, revision] = match as unknown as [string, string, string | undefined];
  if (/--|\.\.|[./-](?=\/|$)/.test(name)) return null;
  return revision === undefined ? { name } : { name, revision };
}

/** Fetches those of a repository's files that the cache lacks. */
export async function downloadAll(
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
    fail(`${JSON.stringify(revision)} is no revision (a branch, a tag or a commit)`, 'bad-input');
  }
}

function fail(message: string, code: ErrorCode = 'not-found'): never {
  throw new PolysemeError(message, code);
}
