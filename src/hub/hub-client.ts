import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { PolysemeError } from '../errors.ts';
import type { HubSettings } from './hub-settings.ts';

export interface HubRepo {
  readonly type: 'model' | 'dataset';
  /** `owner/name`, or the single name of an old model. */
  readonly name: string;
  /** Branch, tag or commit; `main` by default. */
  readonly revision?: string;
}

/** A file of a repository at one commit. */
export interface HubFile {
  /** With forward slashes, inside the repository. */
  readonly path: string;
  /** In bytes. */
  readonly size: number;
}

/** `etag`: the SHA-256 of a large file's content, git's blob SHA-1 of any other; also the blob's name in the cache. */
export interface HubEntry extends HubFile {
  readonly etag: string;
}

/** A file as the cache's `trees/COMMIT.json` has it, in Python's names. */
export interface TreeFile {
  readonly size: number;
  readonly blob_id: string;
  readonly lfs_sha256?: string;
  readonly lfs_size?: number;
  readonly xet_hash?: string;
}

/** The hub did not answer, or said that it cannot now: a complete cache serves instead. */
export class HubUnreachable extends PolysemeError {
  constructor(message: string) {
    super(message, 'unreachable');
  }
}

/** Files of one repository; the largest have about 100,000 a folder. */
const MAX_FILES = 1_000_000;
/** Milliseconds without an answer, or without a byte of a file, after which a connection counts as lost. */
const STALL = 30_000;
/** Tries of one request or file, counted anew whenever some bytes came. */
const TRIES = 4;
/** Milliseconds before the second try; doubled for each further one. */
const FIRST_PAUSE = 250;

/** The commit that a branch or tag points to. */
export async function resolveCommit(settings: HubSettings, repo: HubRepo): Promise<string> {
  const { modelInfo, datasetInfo } = await import('@huggingface/hub');
  const { sha } = await call(settings, repo, (options) => {
    const query = { ...options, name: repo.name, revision: repo.revision ?? 'main' };
    return repo.type === 'model'
      ? modelInfo({ ...query, additionalFields: ['sha'] })
      : datasetInfo({ ...query, additionalFields: ['sha'] });
  });
  if (!isCommit(sha)) throw noHub(settings, `its commit is ${JSON.stringify(sha)}`);
  return sha;
}

/** All files of a repository at a commit, by path. */
export async function listTree(
  settings: HubSettings,
  repo: HubRepo,
  commit: string,
): Promise<Record<string, TreeFile>> {
  const { listFiles } = await import('@huggingface/hub');
  return call(settings, repo, async (options) => {
    const { type, name } = repo;
    const files: [string, TreeFile][] = [];
    for await (const entry of listFiles({
      ...options,
      repo: { type, name },
      revision: commit,
      recursive: true,
    })) {
      if (entry.type !== 'file') continue;
      const { path, size, oid = '', lfs, xetHash } = entry;
      const file = { size, blob_id: oid, lfs_sha256: lfs?.oid, lfs_size: lfs?.size, xet_hash: xetHash };
      if (toEntry(path, file) === null) throw noHub(settings, `it lists ${JSON.stringify(entry)}`);
      files.push([path, file]);
      if (files.length > MAX_FILES) throw new PolysemeError(`${name} has more than ${MAX_FILES} files`);
    }
    return Object.fromEntries(files);
  });
}

/**
 * Fetches a file's content into `path`, going on where an earlier try ended; `onBytes` gets the number of bytes
 * that `path` then holds. The content is not checked.
 */
export async function fetchContent(
  settings: HubSettings,
  { repo, commit, entry }: { repo: HubRepo; commit: string; entry: HubEntry },
  path: string,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const prefix = repo.type === 'dataset' ? 'datasets/' : '';
  const inside = entry.path.split('/').map(encodeURIComponent).join('/');
  const url = `${settings.endpoint}/${prefix}${repo.name}/resolve/${commit}/${inside}`;
  const handle = await open(path, 'a+');
  try {
    let { size: done } = await handle.stat();
    for (let tries = 1; done !== entry.size; tries++) {
      const before = done;
      if (done > entry.size) done = await restart(handle);
      try {
        done = await fetchRest(settings, repo, { url, done, handle, onBytes, entry });
        if (done < entry.size) throw new HubUnreachable(`${url} ended after ${done} of ${entry.size} bytes`);
      } catch (error) {
        if (!(error instanceof HubUnreachable)) throw error;
        ({ size: done } = await handle.stat());
        if (done > before) tries = 1;
        if (tries >= TRIES) throw error;
        await sleep(FIRST_PAUSE * 2 ** (tries - 1));
      }
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/** A listed file, or null where it cannot be stored: its path leaves the repository, its hash is no plain name. */
export function toEntry(path: string, file: unknown): HubEntry | null {
  if (typeof path !== 'string' || typeof file !== 'object' || file === null) return null;
  const { size: ownSize, blob_id: blob, lfs_sha256: sha256, lfs_size: lfsSize } = file as Partial<TreeFile>;
  const size = lfsSize ?? ownSize;
  const etag = sha256 ?? blob;
  const inside = !/[\\:\0]/.test(path) && !path.split('/').some((part) => ['', '.', '..'].includes(part));
  if (!inside || typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return null;
  return typeof etag === 'string' && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(etag) ? { path, size, etag } : null;
}

// ---------------------------------------------------------------- requests

type LibraryOptions = { hubUrl: string; fetch: typeof fetch };

/** Calls the library's client with our requests; what its answers lack is an error that names the endpoint. */
async function call<T>(
  settings: HubSettings,
  repo: HubRepo,
  use: (options: LibraryOptions) => Promise<T>,
): Promise<T> {
  const request = (url: string | URL | Request, init?: RequestInit) =>
    retried(() => send(settings, repo, url as string, init));
  try {
    return await use({ hubUrl: settings.endpoint, fetch: request });
  } catch (error) {
    if (error instanceof PolysemeError) throw error;
    const { cause, name, message } = error as Error;
    if (cause !== undefined || name === 'TimeoutError') throw unreachable(settings, error);
    throw noHub(settings, message);
  }
}

async function retried(request: () => Promise<Response>): Promise<Response> {
  for (let tries = 1; ; tries++) {
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof Busy) || tries >= TRIES) throw error;
      await sleep(FIRST_PAUSE * 2 ** (tries - 1));
    }
  }
}

/** A status that passes: too many requests, or a server's fault. */
class Busy extends HubUnreachable {}

interface Sent {
  signal?: AbortSignal;
  /** The file asked for, for messages. */
  file?: string;
}

/**
 * One request. The library's own way with tokens is not used: it refuses those that don't begin with `hf_`, and
 * would send them to whatever host the next page of a list names.
 */
async function send(
  settings: HubSettings,
  repo: HubRepo,
  url: string,
  init: RequestInit = {},
  sent: Sent = {},
) {
  const headers = new Headers(init.headers);
  headers.set('User-Agent', 'polyseme');
  if (settings.token !== undefined && new URL(url).origin === new URL(settings.endpoint).origin) {
    headers.set('Authorization', `Bearer ${settings.token}`);
  }
  let response: Response;
  try {
    response = await fetch(url, { ...init, headers, signal: sent.signal ?? AbortSignal.timeout(STALL) });
  } catch (error) {
    throw unreachable(settings, error);
  }
  if (response.ok || response.status === 416) return response;
  await response.body?.cancel();
  throw statusError(response, settings, repo, sent.file);
}

interface Rest {
  url: string;
  /** Bytes that are there already. */
  done: number;
  handle: FileHandle;
  onBytes: (bytes: number) => void;
  entry: HubEntry;
}

/** Appends what is missing; gives the bytes then there. */
async function fetchRest(settings: HubSettings, repo: HubRepo, { url, done, handle, onBytes, entry }: Rest) {
  const { path: file, size } = entry;
  const stall = new AbortController();
  const timer = setTimeout(() => stall.abort(new Error(`no data for ${STALL / 1000} s`)), STALL);
  try {
    const headers: Record<string, string> = { 'Accept-Encoding': 'identity' };
    if (done > 0) headers['Range'] = `bytes=${done}-`;
    const response = await send(settings, repo, url, { headers }, { signal: stall.signal, file });
    const from = Number(/^bytes (\d+)-/.exec(response.headers.get('Content-Range') ?? '')?.[1] ?? 0);
    if (from !== done) done = await restart(handle);
    if (from !== done || response.status === 416) {
      await response.body?.cancel();
      return restart(handle);
    }
    onBytes(done);
    for await (const chunk of response.body ?? []) {
      timer.refresh();
      await handle.appendFile(chunk);
      done += chunk.length;
      if (done > size)
        throw new PolysemeError(`${url} sends more than the ${size} bytes that are listed`, 'damaged');
      onBytes(done);
    }
    return done;
  } catch (error) {
    const { syscall } = error as NodeJS.ErrnoException;
    if (error instanceof PolysemeError || syscall === 'write') throw error;
    throw unreachable(settings, error);
  } finally {
    clearTimeout(timer);
  }
}

async function restart(handle: FileHandle): Promise<number> {
  await handle.truncate(0);
  return 0;
}

// ---------------------------------------------------------------- errors

function unreachable({ endpoint }: HubSettings, error: unknown): HubUnreachable {
  const { cause, message } = error as Error & { cause?: NodeJS.ErrnoException };
  return new HubUnreachable(`cannot reach ${endpoint} (${cause?.code ?? cause?.message ?? message})`);
}

/** Counts as unreachable: a network's log-in page is not the hub. */
function noHub({ endpoint }: HubSettings, what: string): HubUnreachable {
  return new HubUnreachable(`${endpoint} does not answer as a hub does: ${what.replaceAll(/\s+/g, ' ')}`);
}

function statusError(response: Response, settings: HubSettings, repo: HubRepo, file?: string): PolysemeError {
  const { status, headers } = response;
  const { endpoint, token } = settings;
  const what = `${repo.type} ${repo.name}`;
  const code = headers.get('X-Error-Code');
  if (status === 429 || status >= 500)
    return new Busy(`${endpoint} answers with status ${status}; try again later`);
  if (status === 403 || code === 'GatedRepo') {
    return new PolysemeError(
      `access to the ${what} is refused (status ${status}): if it is gated, accept its conditions at ${endpoint}, ` +
        'and set HF_TOKEN to a token that may read it',
      'unreachable',
    );
  }
  if (status === 401) {
    const mend =
      token === undefined
        ? 'it does not exist, or is private or gated: set HF_TOKEN to a token that may read it'
        : 'the token (HF_TOKEN, or the one stored by a login) is not valid, or may not read it';
    return new PolysemeError(`${endpoint} does not give the ${what} (status 401): ${mend}`, 'unreachable');
  }
  if (status === 404 && code === 'RevisionNotFound') {
    return new PolysemeError(
      `the ${what} has no revision ${JSON.stringify(repo.revision ?? 'main')}`,
      'not-found',
    );
  }
  if (status === 404 && file !== undefined)
    return new PolysemeError(`the ${what} has no file ${JSON.stringify(file)}`, 'not-found');
  if (status === 404) {
    return new PolysemeError(
      `there is no ${what} at ${endpoint} (if it is private, set HF_TOKEN)`,
      'not-found',
    );
  }
  return new PolysemeError(`${endpoint} answers with status ${status} for the ${what}`, 'unreachable');
}
