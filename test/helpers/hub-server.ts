import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** Path → content. */
export type Files = Record<string, Buffer>;

export interface ServedRepo {
  type: 'model' | 'dataset';
  name: string;
  /** Commit → its files. */
  commits: Record<string, Files>;
  /** Branch or tag → commit. */
  refs: Record<string, string>;
  /** Needed to see the repository at all. */
  token?: string;
  /** Listed to everybody, given to nobody. */
  gated?: boolean;
}

/** What goes wrong; each count goes down as it is used. */
export interface Faults {
  /** Requests that are answered with 503. */
  busy: number;
  /** Contents that end, with the connection, after `cutAfter` bytes. */
  cut: number;
  cutAfter: number;
  /** Contents with one bit flipped. */
  damaged: number;
  ignoreRange: boolean;
}

export interface HubServer {
  url: string;
  repos: ServedRepo[];
  faults: Faults;
  /** `GET /path`, `Range` appended where there is one. */
  requests: string[];
  close(): Promise<void>;
}

/** Files from this size on lie on the storage server, named by their SHA-256, as the hub's large files do. */
const LFS_FROM = 100_000;
/** Entries a page of a listing. */
const PAGE = 3;

/**
 * Speaks the endpoints of the Hugging Face hub that a download uses, the storage server for large files included:
 * that one refuses requests with a token, as signed addresses do.
 */
export async function startHubServer(repos: ServedRepo[]): Promise<HubServer> {
  const requests: string[] = [];
  const faults: Faults = { busy: 0, cut: 0, cutAfter: 0, damaged: 0, ignoreRange: false };
  const storage = createServer((request, response) => {
    requests.push(describe(request));
    if (request.headers.authorization) return end(response, 400, 'only one authentication mechanism allowed');
    const content = repos
      .flatMap(({ commits }) => Object.values(commits))
      .flatMap((files) => Object.values(files))
      .find((bytes) => `/${sha256(bytes)}` === request.url);
    if (content === undefined) return end(response, 404, 'NoSuchKey');
    sendContent(request, response, content, faults);
  });
  const storageUrl = await listen(storage);
  const hub = createServer(async (request, response) => {
    requests.push(describe(request));
    if (faults.busy > 0) {
      faults.busy--;
      return end(response, 503, 'busy');
    }
    answer(request, response, await readBody(request), { repos, faults, storageUrl });
  });
  const url = await listen(hub);
  return {
    url,
    repos,
    faults,
    requests,
    close: async () => void (await Promise.all([stop(hub), stop(storage)])),
  };
}

/** A repository with one commit, on `main`. */
export function servedRepo(type: 'model' | 'dataset', name: string, files: Files): ServedRepo {
  const commit = commitOf(files);
  return { type, name, commits: { [commit]: files }, refs: { main: commit } };
}

export function commitOf(files: Files): string {
  const hash = createHash('sha1');
  for (const [path, bytes] of Object.entries(files)) hash.update(path).update(bytes);
  return hash.digest('hex');
}

export function readFiles(folder: string): Files {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));
}

interface Serving {
  repos: ServedRepo[];
  faults: Faults;
  storageUrl: string;
}

function answer(request: IncomingMessage, response: ServerResponse, body: string, serving: Serving) {
  const { pathname, searchParams } = new URL(request.url!, 'http://hub');
  const path = decodeURIComponent(pathname);
  const repo = serving.repos.find(({ type, name }) => {
    const page = type === 'dataset' ? `/datasets/${name}/` : `/${name}/`;
    return `${path}/`.startsWith(`/api/${type}s/${name}/`) || path.startsWith(page);
  });
  const authorized = repo?.token === undefined || request.headers.authorization === `Bearer ${repo.token}`;
  if (repo === undefined || !authorized) {
    response.setHeader('X-Error-Code', 'RepoNotFound');
    return end(response, request.headers.authorization ? 404 : 401, { error: 'Repository not found' });
  }
  const inside = path.slice(path.indexOf(repo.name) + repo.name.length);
  const [, action = '', , rest = ''] = /^\/([\w-]+)\/((?:refs\/pr\/)?[^/]+)\/?(.*)$/.exec(inside) ?? [];
  const revision = /^\/[\w-]+\/((?:refs\/pr\/)?[^/]+)/.exec(inside)?.[1] ?? 'main';
  const commit = repo.refs[revision === 'HEAD' ? 'main' : revision] ?? revision;
  const files = repo.commits[commit];
  if (files === undefined) {
    response.setHeader('X-Error-Code', 'RevisionNotFound');
    return end(response, 404, { error: `Invalid rev id: ${revision}` });
  }
  if (path.startsWith('/api/')) {
    if (action === 'tree') return sendTree(response, files, searchParams, `${hostOf(request)}${pathname}`);
    if (action === 'paths-info') {
      const { paths } = JSON.parse(body) as { paths: string[] };
      return end(
        response,
        200,
        paths.filter((name) => name in files).map((name) => entry(name, files[name])),
      );
    }
    const siblings = Object.keys(files).map((rfilename) => ({ rfilename }));
    const { name: id, gated = false } = repo;
    return end(response, 200, {
      _id: '0',
      id,
      sha: commit,
      private: false,
      gated,
      siblings,
      lastModified: '2024-01-01T00:00:00.000Z',
    });
  }
  return sendResolved(request, response, { repo, commit, name: rest, content: files[rest] }, serving);
}

function sendTree(response: ServerResponse, files: Files, query: URLSearchParams, url: string) {
  const entries = Object.entries(files).map(([name, bytes]) => entry(name, bytes));
  const start = Number(query.get('cursor') ?? 0);
  if (start + PAGE < entries.length) {
    query.set('cursor', String(start + PAGE));
    response.setHeader('Link', `<${url}?${query}>; rel="next"`);
  }
  return end(response, 200, entries.slice(start, start + PAGE));
}

function sendResolved(
  request: IncomingMessage,
  response: ServerResponse,
  file: { repo: ServedRepo; commit: string; name: string; content: Buffer | undefined },
  { faults, storageUrl }: Serving,
) {
  const { repo, commit, content } = file;
  response.setHeader('X-Repo-Commit', commit);
  if (repo.gated) {
    response.setHeader('X-Error-Code', 'GatedRepo');
    return end(response, 403, { error: 'Access to this repository is restricted' });
  }
  if (content === undefined) {
    response.setHeader('X-Error-Code', 'EntryNotFound');
    return end(response, 404, 'Entry not found');
  }
  response.setHeader('Accept-Ranges', 'bytes');
  if (content.length >= LFS_FROM) {
    response.setHeader('X-Linked-Etag', `"${sha256(content)}"`);
    response.setHeader('X-Linked-Size', content.length);
    response.setHeader('Location', `${storageUrl}/${sha256(content)}`);
    return end(response, 302, '');
  }
  response.setHeader('ETag', `"${gitSha1(content)}"`);
  return sendContent(request, response, content, faults);
}

function sendContent(request: IncomingMessage, response: ServerResponse, whole: Buffer, faults: Faults) {
  const start = Number((!faults.ignoreRange && /^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1]) || 0);
  if (start >= whole.length && start > 0) {
    response.setHeader('Content-Range', `bytes */${whole.length}`);
    return end(response, 416, '');
  }
  let content = whole.subarray(start);
  if (start > 0) response.setHeader('Content-Range', `bytes ${start}-${whole.length - 1}/${whole.length}`);
  if (faults.damaged > 0) {
    faults.damaged--;
    content = Buffer.from(content);
    content[0] ^= 1;
  }
  response.writeHead(start > 0 ? 206 : 200, { 'Content-Length': content.length });
  if (request.method === 'HEAD') return response.end();
  if (faults.cut > 0 && content.length > faults.cutAfter) {
    faults.cut--;
    response.write(content.subarray(0, faults.cutAfter), () => setTimeout(() => response.destroy(), 20));
    return response;
  }
  return response.end(content);
}

function entry(path: string, bytes: Buffer) {
  const base = { type: 'file', path, size: bytes.length, oid: gitSha1(bytes) };
  if (bytes.length < LFS_FROM) return base;
  return { ...base, lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 134 } };
}

function end(response: ServerResponse, status: number, body: unknown) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.setHeader('Content-Type', typeof body === 'string' ? 'text/plain' : 'application/json');
  return response.writeHead(status).end(text);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function gitSha1(bytes: Buffer): string {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

function describe({ method, url, headers }: IncomingMessage): string {
  return `${method} ${url}${headers.range ? ` ${headers.range}` : ''}`;
}

function hostOf({ headers }: IncomingMessage): string {
  return `http://${headers.host}`;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function listen(server: Server): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () =>
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    );
  });
}

function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
