import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, posix, resolve } from 'node:path';
import { readJsonObject } from '../../base/json-file.ts';
import { PolysemeError } from '../../errors.ts';
import { type HubFiles, hubFiles, parseHubId } from '../../hub/hub.ts';

/** Most bytes of a JSON file beside an SAE. */
const MAX_JSON = 16 * 2 ** 20;
/** Most folders looked into for a hint. */
const MAX_HINTS = 200;

/** The files of one SAE, local or on the hub. Names are relative to it and may begin with `../`. */
export interface SaeFolder {
  /** The folder or file as the caller named it. */
  readonly label: string;
  /** Absolute, or repository and path: what a site may be told from. */
  readonly path: string;
  /** The file itself, where one was named. */
  readonly file: string | null;
  readonly names: readonly string[];
  has(name: string): boolean;
  /** The local path of a file. */
  local(name: string): Promise<string>;
  /** Folders below that hold an SAE, for a message. */
  hints(weights: readonly string[]): Promise<string[]>;
}

/** @param source a folder, a file, or `hf:owner/name[@revision][:path]` */
export async function openFolder(source: string, hub?: HubFiles): Promise<SaeFolder> {
  return source.startsWith('hf:') ? hubFolder(source, hub) : localFolder(source);
}

/** A JSON object of the folder. */
export async function readJson(folder: SaeFolder, name: string): Promise<Record<string, unknown>> {
  return readJsonObject(await folder.local(name), MAX_JSON);
}

async function localFolder(source: string): Promise<SaeFolder> {
  const info = await stat(source).catch(() => null);
  if (info === null)
    throw new PolysemeError(`no SAE at ${source}: there is no such file or folder`, 'not-found');
  const file = info.isDirectory() ? null : basename(source);
  const folder = info.isDirectory() ? source : dirname(source);
  const found = await readdir(folder, { withFileTypes: true });
  return {
    label: source,
    path: resolve(source),
    file,
    names: found.filter((entry) => !entry.isDirectory()).map(({ name }) => name),
    has: (name) => existsSync(join(folder, name)),
    local: async (name) => join(folder, name),
    async hints(weights) {
      const inside = found.filter((entry) => entry.isDirectory()).slice(0, MAX_HINTS);
      return inside
        .map(({ name }) => name)
        .filter((name) => weights.some((file) => existsSync(join(folder, name, file))));
    },
  };
}

async function hubFolder(source: string, hub: HubFiles | undefined): Promise<SaeFolder> {
  const match = /^hf:([^:]+)(?::(.*))?$/.exec(source);
  const id = match === null ? null : parseHubId(match[1]!);
  if (id === null) throw new PolysemeError(`${source} is not hf:owner/name[@revision][:path]`);
  const files = hub ?? hubFiles;
  const repo = { type: 'model', ...id } as const;
  const path = (match![2] ?? '').replace(/^\/+|\/+$/g, '');
  const all = new Set((await files.list(repo)).map((file) => file.path));
  const file = all.has(path) ? posix.basename(path) : null;
  const folder = file === null ? path : path.slice(0, -file.length).replace(/\/$/, '');
  const at = (name: string) => posix.normalize(folder === '' ? name : `${folder}/${name}`);
  const prefix = folder === '' ? '' : `${folder}/`;
  const below = [...all].filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  if (below.length === 0) throw new PolysemeError(`no SAE at ${source}: ${repo.name} has nothing there`);
  return {
    label: source,
    path: `${repo.name}/${path}`,
    file,
    names: below.filter((name) => !name.includes('/')),
    has: (name) => all.has(at(name)),
    local: (name) => files.download(repo, at(name)),
    async hints(weights) {
      const inside = below
        .filter((name) => weights.includes(posix.basename(name)))
        .map((name) => posix.dirname(name));
      return [...new Set(inside)].slice(0, MAX_HINTS);
    },
  };
}
