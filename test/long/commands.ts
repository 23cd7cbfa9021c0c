// The long commands, as faults strike them: what is typed, what it reads, and what it makes.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { SiteFileList } from '../../src/contract/site.ts';
import { writeSmallFolio } from '../helpers/small-folio.ts';

/** The command of the built package. */
export const MAIN = new URL('../../dist/cli/main.js', import.meta.url).pathname;
const ASK = new URL('ask-server.mjs', import.meta.url).pathname;

export interface LongCommand {
  readonly name: string;
  /** What Node is given to write into folder `out`. */
  args(out: string): string[];
  /** A digest of what it has made there. */
  content(out: string): Promise<string>;
  /** What is wrong there after a kill, where that can be told. */
  fault?(out: string): string | null;
  /** What it writes in that folder, under a lock. */
  readonly output?: string;
  /** Puts what it reads into the folder. */
  prepare(out: string): void;
}

/** Makes in folder `given` what the commands read, and returns them. */
export async function longCommands(given: string): Promise<readonly LongCommand[]> {
  const model = ['--model', writeSmallFolio(join(given, 'model'), 64)];
  const study = join(given, 'study.db');
  const plan = join(given, 'run.plan');
  const part = (name: string) => join(given, name);
  const run = [MAIN, 'run', ...model, '--contexts', '40', '--layers', '1,2', '--examples', '12'];
  await whole([...run, '--out', study]);
  await whole([...run, '--plan', plan, '--shards', '2']);
  const shard = (i: number, ...more: string[]) =>
    whole([MAIN, 'run', '--plan', plan, '--shard', `${i}/2`, ...more]);
  for (const i of [1, 2]) await shard(i, '--out', part(`examples-${i}`));
  await whole([MAIN, 'merge', part('examples-1'), part('examples-2'), '--out', part('examples')]);
  for (const i of [1, 2]) await shard(i, '--after', part('examples'), '--out', part(`rows-${i}`));

  const site = ['--site', 'blocks.1.hook_resid_post', ...model];
  const training = [
    '--latents',
    '64',
    '--k',
    '8',
    '--batch',
    '256',
    '--embedding-weight',
    '0.3',
    '--threads',
    '1',
  ];
  const nothing = () => {};
  await whole([
    ...[MAIN, 'sae', 'train', ...site, ...training, '--tokens', '2000', '--eval-tokens', '0'],
    ...['--out', part('sae')],
  ]);
  const withStudy = (out: string) => copyFileSync(study, join(out, 'study.db'));
  const earlier = part('site');
  await whole([...run, '--layers', '1', '--examples', '3', '--out', part('earlier.db')]);
  await whole([MAIN, 'export', part('earlier.db'), '--format', 'site', '--out', earlier]);
  const foreign = ['CNAME', '.git/HEAD'];
  for (const path of foreign) {
    mkdirSync(dirname(join(earlier, path)), { recursive: true });
    writeFileSync(join(earlier, path), 'someone else’s');
  }
  const hashOf = (out: string) => contentHash(join(out, 'study.db'));
  const file = (name: string) => (out: string) => Promise.resolve(digestOf(join(out, name)));
  return [
    {
      name: 'run',
      prepare: nothing,
      args: (out) => [...run, '--threads', '1', '--out', join(out, 'study.db')],
      content: hashOf,
      output: 'study.db',
    },
    {
      name: 'run --select fraction',
      prepare: nothing,
      args: (out) => [...run, '--select', 'fraction', '--threads', '2', '--out', join(out, 'study.db')],
      content: hashOf,
      output: 'study.db',
    },
    {
      name: 'run --shard',
      prepare: nothing,
      args: (out) => [MAIN, 'run', '--plan', plan, '--shard', '1/2', '--out', join(out, 'part')],
      content: file('part'),
      output: 'part',
    },
    {
      name: 'merge of parts',
      prepare: nothing,
      args: (out) => [MAIN, 'merge', part('examples-1'), part('examples-2'), '--out', join(out, 'part')],
      content: file('part'),
      output: 'part',
    },
    {
      name: 'merge to a study',
      prepare: nothing,
      args: (out) => [
        ...[MAIN, 'merge', part('examples'), part('rows-1'), part('rows-2')],
        ...['--out', join(out, 'study.db')],
      ],
      content: hashOf,
      output: 'study.db',
    },
    {
      name: 'sae cache',
      prepare: nothing,
      args: (out) => [MAIN, 'sae', 'cache', ...site, '--tokens', '8000', '--out', join(out, 'cache')],
      content: file('cache'),
      output: 'cache',
    },
    {
      name: 'sae train',
      prepare: nothing,
      args: (out) => [
        ...[MAIN, 'sae', 'train', ...site, ...training],
        ...['--tokens', '8000', '--eval-tokens', '0', '--out', join(out, 'sae')],
      ],
      content: (out) => Promise.resolve(digestOf(join(out, 'sae'), /\.safetensors$/)),
      output: 'sae',
    },
    ...(['jsonl', 'parquet', 'site'] as const).map(
      (format): LongCommand => ({
        name: `export --format ${format}`,
        prepare: withStudy,
        args: (out) => [
          ...[MAIN, 'export', join(out, 'study.db'), '--format', format],
          ...['--out', join(out, format)],
        ],
        content: file(format),
        output: format,
      }),
    ),
    {
      name: 'export --format site --overwrite',
      prepare(out) {
        withStudy(out);
        cpSync(earlier, join(out, 'site'), { recursive: true });
      },
      args: (out) => [
        ...[MAIN, 'export', join(out, 'study.db'), '--format', 'site'],
        ...['--out', join(out, 'site'), '--overwrite'],
      ],
      content: file('site'),
      fault: (out) => siteFault(join(out, 'site'), foreign),
      output: 'site',
    },
    {
      name: 'run --overwrite',
      prepare: (out) => copyFileSync(part('earlier.db'), join(out, 'study.db')),
      args: (out) => [...run, '--threads', '1', '--overwrite', '--out', join(out, 'study.db')],
      content: hashOf,
      output: 'study.db',
    },
    {
      name: 'sae convert',
      prepare: nothing,
      args: (out) => [MAIN, 'sae', 'convert', part('sae'), join(out, 'sae'), '--format', 'sparsify'],
      content: file('sae'),
    },
    {
      name: 'serve, asked for what it keeps',
      prepare: withStudy,
      args: (out) => [ASK, join(out, 'study.db'), join(out, 'answers')],
      content: file('answers'),
    },
  ];
}

export interface Ended {
  /** null: it was killed. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it said last on standard error. */
  readonly said: string;
}

/** How a command is struck. */
export interface Striking {
  /** Milliseconds after which it is killed. */
  readonly after?: number | null;
  /** The program that starts it, with its arguments. */
  readonly through?: readonly string[];
  /** Arguments of Node itself. */
  readonly before?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs Node on these arguments. */
export async function ended(
  args: readonly string[],
  { after, through = [], before = [], env = {} }: Striking = {},
): Promise<Ended> {
  const [command, ...rest] = [...through, process.execPath, ...before, ...args];
  const child = spawn(command!, rest, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  });
  let text = '';
  child.stderr.on('data', (piece) => {
    text += piece;
  });
  const timer = after == null ? undefined : setTimeout(() => child.kill('SIGKILL'), after);
  const [status, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  return { status, signal, said: text.trim().split('\n').at(-1) ?? '' };
}

/** The content hash of a study, all of which is checked. */
export async function contentHash(study: string): Promise<string> {
  return JSON.parse(await whole([MAIN, 'info', study, '--verify', '--json'])).contentHash;
}

/** What a command prints that must end well. */
export async function whole(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [text, errors] = ['', ''];
  child.stdout.on('data', (piece) => {
    text += piece;
  });
  child.stderr.on('data', (piece) => {
    errors += piece;
  });
  const [status, signal] = await once(child, 'close');
  if (status !== 0) {
    const said = errors.trim().split('\n').slice(-3).join(' | ');
    throw new Error(`${args.slice(1, 3).join(' ')} ended with ${status ?? signal}: ${said}`);
  }
  return text;
}

/** What a site lacks of the files that it lists, or of those that others put there. */
function siteFault(site: string, foreign: readonly string[]): string | null {
  const data = /name="polyseme-site" content="\.\/(.+?)\/"/.exec(
    readFileSync(join(site, 'index.html'), 'utf8'),
  )![1]!;
  const zipped = readFileSync(join(site, data, 'files.bin')).subarray(2);
  const list = JSON.parse(gunzipSync(zipped).toString()) as SiteFileList;
  const own = [...list.data.map((path) => join(data, path)), ...list.explorer.map(([path]) => path)];
  const lost = [...own, ...foreign].filter((path) => !existsSync(join(site, path)));
  return lost.length === 0 ? null : `lost ${lost.slice(0, 3).join(', ')}`;
}

/** A digest of the names and bytes of a file, or of all files in a folder that match. */
function digestOf(path: string, pattern = /./): string {
  const hash = createHash('sha256');
  for (const name of filesOf(path)) {
    if (pattern.test(name === '' ? path : name)) hash.update(name).update(readFileSync(join(path, name)));
  }
  return hash.digest('hex');
}

/** The files of a folder, by name; of a file, itself. */
export function filesOf(path: string): string[] {
  if (!statSync(path).isDirectory()) return [''];
  const names = readdirSync(path, { recursive: true }) as string[];
  return names.filter((name) => statSync(join(path, name)).isFile()).sort();
}

/** Numbers in [0, 1) that follow from a seed. */
export function drawn(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
