import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { isDiskFull, makeWhole } from '../base/files.ts';
import { readJsonObject } from '../base/json-file.ts';
import { hasProcess } from '../base/process.ts';
import { PolysemeError } from '../errors.ts';
import {
  fetchContent,
  type HubEntry,
  type HubFile,
  type HubRepo,
  HubUnreachable,
  isCommit,
  listTree,
  resolveCommit,
  toEntry,
} from './hub-client.ts';
import type { HubSettings } from './hub-settings.ts';

/** Bytes of a stored list of a repository's files. */
const MAX_LIST = 256 << 20;

/**
 * One repository at one commit, in the standard cache: `blobs/` (contents, named by hash),
 * `snapshots/COMMIT/` (links to them), `refs/` (what a branch or tag pointed to when last seen) and, since
 * huggingface_hub 2, `trees/COMMIT.json` (the list of files: without it nobody offline can tell whether all are there).
 */
export interface Repository {
  readonly commit: string;
  /** `snapshots/COMMIT` */
  readonly dir: string;
  readonly files: ReadonlyMap<string, HubFile>;
  /** False where `files` is only what the cache holds, the hub's list being out of reach. */
  readonly listed: boolean;
  /** Why the hub is not asked, for messages; undefined where it is. */
  readonly offline: string | undefined;
  has(path: string): Promise<boolean>;
  /** Path of a file of `files` in the snapshot, after fetching it if it is not there. */
  download(path: string, onBytes?: (bytes: number) => void): Promise<string>;
}

/** Opens a repository: its newest commit where the hub can be asked, else the one that the cache knows. */
export async function openRepository(settings: HubSettings, repo: HubRepo): Promise<Repository> {
  const folder = join(settings.cacheDir, `${repo.type}s--${repo.name.replaceAll('/', '--')}`);
  const { commit, offline } = await findCommit(settings, repo, folder);
  const dir = join(folder, 'snapshots', commit);
  await removePartials(folder);
  const { entries, reason } = await findEntries(settings, repo, { folder, commit, offline });
  const files = new Map<string, HubFile>((entries ?? (await walk(dir))).map((file) => [file.path, file]));

  const has = async (path: string) => {
    const status = await stat(join(dir, path)).catch(() => null);
    return status !== null && (entries === null || status.size === files.get(path)?.size);
  };
  return {
    commit,
    dir,
    files,
    listed: entries !== null,
    offline: reason,
    has,
    async download(path, onBytes = () => {}) {
      const target = join(dir, path);
      if (await has(path)) return target;
      const entry = files.get(path) as HubEntry | undefined;
      if (entry === undefined)
        throw new PolysemeError(`the ${repo.type} ${repo.name} has no file ${quote(path)}`, 'not-found');
      if (reason !== undefined) {
        throw new PolysemeError(
          `${path} of ${repo.name} is not in the cache ${settings.cacheDir}, and ${reason}`,
          'not-found',
        );
      }
      try {
        const blob = await once(join(folder, 'blobs', entry.etag), (blobPath) =>
          ensureBlob(settings, { repo, commit, entry }, blobPath, onBytes),
        );
        await link(folder, blob, target);
      } catch (error) {
        if (error instanceof PolysemeError) throw error;
        throw new PolysemeError(
          `cannot store ${path} of ${repo.name} in ${folder}: ${(error as Error).message}`,
          isDiskFull(error) ? 'no-space' : 'bad-input',
        );
      }
      return target;
    },
  };
}

// ---------------------------------------------------------------- which commit, which files

const OFFLINE = 'HF_HUB_OFFLINE is set';

async function findCommit(settings: HubSettings, repo: HubRepo, folder: string) {
  const revision = repo.revision ?? 'main';
  let offline = settings.offline ? OFFLINE : undefined;
  if (isCommit(revision)) return { commit: revision, offline };
  const ref = join(folder, 'refs', ...revision.split('/'));
  if (offline === undefined) {
    try {
      const commit = await resolveCommit(settings, repo);
      await replaceFile(folder, ref, commit);
      return { commit, offline };
    } catch (error) {
      if (!(error instanceof HubUnreachable)) throw error;
      offline = error.message;
    }
  }
  const commit = await readFile(ref, 'utf8').then(
    (text) => text.trim(),
    () => null,
  );
  if (commit !== null && isCommit(commit)) return { commit, offline };
  throw new PolysemeError(
    `the ${repo.type} ${repo.name} (revision ${revision}) is not in the cache ${settings.cacheDir}, and ${offline}`,
    'not-found',
  );
}

/** The list of files at a commit, stored or asked for; null where neither can be had. */
async function findEntries(
  settings: HubSettings,
  repo: HubRepo,
  { folder, commit, offline }: { folder: string; commit: string; offline: string | undefined },
): Promise<{ entries: HubEntry[] | null; reason: string | undefined }> {
  const path = join(folder, 'trees', `${commit}.json`);
  const stored = toEntries(await readJsonObject(path, MAX_LIST).catch(() => null));
  if (stored !== null || offline !== undefined) return { entries: stored, reason: offline };
  try {
    const tree = { format_version: TREE_VERSION, files: await listTree(settings, repo, commit) };
    await replaceFile(folder, path, JSON.stringify(tree));
    return { entries: toEntries(tree), reason: undefined };
  } catch (error) {
    if (!(error instanceof HubUnreachable)) throw error;
    return { entries: null, reason: error.message };
  }
}

/** Python's version of `trees/COMMIT.json`; any other is not read. */
const TREE_VERSION = 1;

function toEntries(tree: Record<string, unknown> | null): HubEntry[] | null {
  const { format_version: version, files } = tree ?? {};
  if (version !== TREE_VERSION || typeof files !== 'object' || files === null) return null;
  const entries = Object.entries(files).map(([path, file]) => toEntry(path, file));
  return entries.every((entry) => entry !== null) ? entries : null;
}

async function walk(dir: string): Promise<HubFile[]> {
  const names = await readdir(dir, { recursive: true }).catch(() => [] as string[]);
  const files: HubFile[] = [];
  for (const name of names.sort()) {
    const status = await stat(join(dir, name)).catch(() => null);
    if (status?.isFile()) files.push({ path: name.split(sep).join('/'), size: status.size });
  }
  return files;
}

// ---------------------------------------------------------------- contents

const running = new Map<string, Promise<string>>();

/** Two files of one content, or two calls at a time, fetch it once. */
function once(blob: string, fetchIt: (blob: string) => Promise<string>): Promise<string> {
  const promise = running.get(blob) ?? fetchIt(blob).finally(() => running.delete(blob));
  running.set(blob, promise);
  return promise;
}

async function ensureBlob(
  settings: HubSettings,
  file: { repo: HubRepo; commit: string; entry: HubEntry },
  blob: string,
  onBytes: (bytes: number) => void,
): Promise<string> {
  const { size, etag, path } = file.entry;
  const status = await stat(blob).catch(() => null);
  if (status?.size === size) return blob;
  await mkdir(dirname(blob), { recursive: true });
  const partial = await claimPartial(blob);
  for (let tries = 1; ; tries++) {
    await fetchContent(settings, file, partial, onBytes);
    if ((await hash(partial, etag, size)) === etag) break;
    await rm(partial);
    if (tries === 2) {
      throw new PolysemeError(
        `${path} of ${file.repo.name} arrived damaged twice: its content has not the hash ${etag}`,
        'damaged',
      );
    }
  }
  await rename(partial, blob);
  return blob;
}

/** Removes what processes that have ended left of downloads that are whole: another process may have ended them first. */
async function removePartials(folder: string): Promise<void> {
  for (const { blob, path } of await leftPartials(join(folder, 'blobs'))) {
    if (existsSync(blob)) await rm(path, { force: true }).catch(() => {});
  }
}

/**
 * The file to download into: one that a process of this machine left behind when it ended, else a new one. Each
 * process has its own, so that two never write into the same.
 */
async function claimPartial(blob: string): Promise<string> {
  const own = `${blob}.${HOST}-${process.pid}.incomplete`;
  const left = (await leftPartials(dirname(blob))).find((one) => one.blob === blob);
  if (left !== undefined) await rename(left.path, own).catch(() => {});
  return own;
}

const HOST = hostname().replaceAll(/[^A-Za-z0-9]/g, '_');

/** What processes of this machine that have ended left of downloads, and what it is of. */
async function leftPartials(blobs: string): Promise<{ readonly blob: string; readonly path: string }[]> {
  const names = await readdir(blobs).catch(() => [] as string[]);
  return names.flatMap((name) => {
    const match = /^([0-9a-f]+)\.(\w+)-(\d+)\.incomplete$/.exec(name);
    if (match === null || match[2] !== HOST || hasProcess(Number(match[3]))) return [];
    return [{ blob: join(blobs, match[1]!), path: join(blobs, name) }];
  });
}

/** SHA-256 of the content, or git's blob SHA-1, as the length of `etag` tells. */
async function hash(path: string, etag: string, size: number): Promise<string> {
  const digest = etag.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) digest.update(chunk);
  return digest.digest('hex');
}

/** Puts a link to `blob` at `target` (a copy where the system has no links), replacing a broken one. */
function link(folder: string, blob: string, target: string): Promise<void> {
  return replace(folder, target, (temporary) =>
    symlink(relative(dirname(target), blob), temporary).catch(() => copyFile(blob, temporary)),
  );
}

async function replaceFile(folder: string, path: string, text: string): Promise<void> {
  try {
    await replace(folder, path, (temporary) => writeFile(temporary, text));
  } catch (error) {
    throw new PolysemeError(
      `cannot write into the hub's cache: ${(error as Error).message}`,
      isDiskFull(error) ? 'no-space' : 'bad-input',
    );
  }
}

/** Makes `path` whole; what a killed process leaves lies in `blobs/`, where nobody reads it. */
async function replace(
  folder: string,
  path: string,
  write: (temporary: string) => Promise<void>,
): Promise<void> {
  const aside = join(folder, 'blobs');
  await mkdir(dirname(path), { recursive: true });
  await mkdir(aside, { recursive: true });
  await makeWhole(path, write, { aside });
}

function quote(text: string): string {
  return JSON.stringify(text);
}
