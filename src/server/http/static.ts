import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { Entity } from './entity.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};

/** Files in this folder have a hash of their content in their names. */
const HASHED = '/assets/';

/**
 * The built explorer, read into memory once: a path in a URL is looked up among the files that were found, so that it
 * can lead nowhere else. Pages of the explorer's own router get index.html.
 */
export class StaticFiles {
  readonly #files = new Map<string, Entity>();

  constructor(root: string) {
    if (!existsSync(root)) return;
    for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = join(entry.parentPath, entry.name);
      const type = TYPES[extname(entry.name)] ?? 'application/octet-stream';
      this.#files.set(
        `/${relative(root, file).split(sep).join('/')}`,
        new Entity(readFileSync(file), type, 9),
      );
    }
  }

  /** The answer for a path (decoded); null where there is none. */
  async respond(path: string, request: Request): Promise<Response | null> {
    const file = this.#files.get(path);
    if (file !== undefined) {
      return file.respond(
        request,
        path.startsWith(HASHED) ? 'public, max-age=31536000, immutable' : 'no-cache',
      );
    }
    // A missing file is missing; `mlp.2` at the end of a page's path is no file.
    if (path.startsWith(HASHED) || extname(path) in TYPES) return null;
    return (await this.#files.get('/index.html')?.respond(request, 'no-cache')) ?? null;
  }
}
