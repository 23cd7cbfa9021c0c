import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import {
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createHubFiles } from '../../src/hub/hub.ts';
import { downloadModel } from '../../src/model/download.ts';
import { compiled } from '../helpers/cli.ts';
import {
  commitOf,
  type Files,
  type HubServer,
  readFiles,
  servedRepo,
  startHubServer,
} from '../helpers/hub-server.ts';

const FOLIO = new URL('../../models/folio-5m', import.meta.url).pathname;
const folio = readFiles(FOLIO);
const MODEL_FILES = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];

let server: HubServer;
let home: string;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'polyseme-hub-'));
  server = await startHubServer([
    servedRepo('model', 'polyseme/folio-5m', { ...folio, 'pytorch_model.bin': Buffer.from('pickle') }),
    servedRepo('dataset', 'polyseme/texts', {
      'data/train-00000-of-00002.parquet': Buffer.from('first'),
      'data/train-00001-of-00002.parquet': Buffer.from('second'),
      'empty.txt': Buffer.alloc(0),
      'odd name #1?.txt': Buffer.from('odd'),
    }),
  ]);
  vi.stubEnv('HF_HOME', home);
  vi.stubEnv('HF_ENDPOINT', `${server.url}/`);
  for (const name of [
    'HF_HUB_CACHE',
    'HUGGINGFACE_HUB_CACHE',
    'HF_TOKEN',
    'HF_TOKEN_PATH',
    'HF_HUB_OFFLINE',
  ]) {
    vi.stubEnv(name, undefined);
  }
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
  await rm(home, { recursive: true, force: true });
});

const cached = (...path: string[]) => join(home, 'hub', 'models--polyseme--folio-5m', ...path);
const model = () => server.repos[0];
const contentRequests = () => server.requests.filter((line) => !line.includes('/api/'));

/** An address where nobody listens. */
async function closedUrl(): Promise<string> {
  const closed = await startHubServer([]);
  await closed.close();
  return closed.url;
}

async function expectComplete(dir: string): Promise<void> {
  expect((await readdir(dir)).sort()).toEqual(MODEL_FILES);
  for (const name of MODEL_FILES) {
    expect((await readFile(join(dir, name))).equals(folio[name]), name).toBe(true);
  }
  const blobs = await readdir(cached('blobs'));
  expect(blobs.filter((name) => !/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(name))).toEqual([]);
}

describe('downloadModel', () => {
  test('stores what a model needs in the standard layout, and nothing else', async () => {
    const progress: { bytes: number; total: number }[] = [];
    const dir = await downloadModel('polyseme/folio-5m', { onProgress: (state) => progress.push(state) });
    const commit = model().refs['main'];
    expect(dir).toBe(cached('snapshots', commit));
    await expectComplete(dir);
    expect(await readFile(cached('refs', 'main'), 'utf8')).toBe(commit);
    for (const name of MODEL_FILES) {
      expect(await readlink(join(dir, name))).toMatch(/^\.\.\/\.\.\/blobs\/[0-9a-f]+$/);
    }
    const total = MODEL_FILES.filter((name) => name !== 'model.safetensors').reduce(
      (n, f) => n + folio[f].length,
      0,
    );
    expect(progress.some((state) => state.total === total && state.bytes === total)).toBe(true);
    const weights = folio['model.safetensors'].length;
    expect(progress.at(-1)).toEqual({ file: 'model.safetensors', bytes: weights, total: weights });
  });

  test('asks only for the commit when the cache is complete', async () => {
    await downloadModel('polyseme/folio-5m');
    server.requests.length = 0;
    await downloadModel('polyseme/folio-5m');
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]).toContain('/api/models/polyseme/folio-5m/revision/main');
    server.requests.length = 0;
    await downloadModel('polyseme/folio-5m', { revision: model().refs['main'] });
    expect(server.requests).toEqual([]);
  });

  test('follows a branch that moves, sharing unchanged contents', async () => {
    const before = await downloadModel('polyseme/folio-5m');
    const files: Files = { ...folio, 'config.json': Buffer.from('{"model_type":"gpt2"}') };
    model().commits[commitOf(files)] = files;
    model().refs['main'] = commitOf(files);
    server.requests.length = 0;
    const after = await downloadModel('polyseme/folio-5m');
    expect(after).not.toBe(before);
    expect(await readFile(join(after, 'config.json'), 'utf8')).toBe('{"model_type":"gpt2"}');
    expect(contentRequests()).toHaveLength(1);
    const back = await downloadModel(`polyseme/folio-5m@${before.split('/').at(-1)}`);
    expect(back).toBe(before);
  });

  test('tags and pull requests are revisions', async () => {
    const commit = model().refs['main'];
    Object.assign(model().refs, { 'v1.0': commit, 'refs/pr/1': commit });
    expect(await downloadModel('polyseme/folio-5m@v1.0')).toBe(cached('snapshots', commit));
    expect(await downloadModel('polyseme/folio-5m', { revision: 'refs/pr/1' })).toBe(
      cached('snapshots', commit),
    );
    expect(await readFile(cached('refs', 'refs', 'pr', '1'), 'utf8')).toBe(commit);
    await expect(downloadModel('polyseme/folio-5m@v2')).rejects.toThrow('has no revision "v2"');
    await expect(downloadModel('polyseme/folio-5m@../../x')).rejects.toThrow('is no revision');
  });

  test('shards come with their index', async () => {
    const shards = {
      'model-00001-of-00002.safetensors': Buffer.alloc(150_000, 1),
      'model-00002-of-00002.safetensors': Buffer.alloc(150_000, 2),
    };
    const [first, second] = Object.keys(shards);
    const index = Buffer.from(JSON.stringify({ weight_map: { a: second, b: first, c: second } }));
    const { 'model.safetensors': _, ...rest } = folio;
    const other = { 'model.fp16-00001-of-00001.safetensors': Buffer.from('not asked for') };
    const files: Files = { ...rest, ...shards, ...other, 'model.safetensors.index.json': index };
    server.repos.push(servedRepo('model', 'polyseme/sharded', files));
    const dir = await downloadModel('polyseme/sharded');
    expect((await readdir(dir)).sort()).toEqual(
      [
        'config.json',
        first,
        second,
        'model.safetensors.index.json',
        'tokenizer.json',
        'tokenizer_config.json',
      ].sort(),
    );
    const { [second]: __, ...holed } = files;
    server.repos.push(servedRepo('model', 'polyseme/holed', holed));
    await expect(downloadModel('polyseme/holed')).rejects.toThrow(`has no ${second}`);
  });

  test('a repository without safetensors says how to convert', async () => {
    const { 'model.safetensors': _, ...rest } = folio;
    server.repos.push(
      servedRepo('model', 'polyseme/pickled', { ...rest, 'pytorch_model.bin': Buffer.from('x') }),
    );
    await expect(downloadModel('polyseme/pickled')).rejects.toThrow(
      /only as pytorch_model\.bin.*save_pretrained/,
    );
    const { 'tokenizer.json': __, ...untokenized } = folio;
    server.repos.push(servedRepo('model', 'polyseme/untokenized', untokenized));
    await expect(downloadModel('polyseme/untokenized')).rejects.toThrow(
      'has no tokenizer.json; its files: README.md',
    );
  });

  test('writes nothing to stdout', async () => {
    const script = `import { downloadModel } from '${compiled('src/model/download.ts')}';
      await downloadModel('polyseme/folio-5m');`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    expect(stdout).toBe('');
    await expectComplete(cached('snapshots', model().refs['main']));
  });
});

describe('a download that goes wrong', () => {
  test('goes on where the connection broke', async () => {
    Object.assign(server.faults, { cut: 2, cutAfter: 3_000_000 });
    await expectComplete(await downloadModel('polyseme/folio-5m'));
    const ranges = contentRequests().filter((line) => line.includes('bytes='));
    expect(ranges.some((line) => Number(line.match(/bytes=(\d+)/)?.[1]) > 1_000_000)).toBe(true);
  });

  test('starts again where the server knows no ranges', async () => {
    Object.assign(server.faults, { cut: 1, cutAfter: 3_000_000, ignoreRange: true });
    await expectComplete(await downloadModel('polyseme/folio-5m'));
  });

  test('a process that was killed leaves nothing half-written, and the next goes on', async () => {
    Object.assign(server.faults, { cut: 99, cutAfter: 500_000 });
    const script = `import { downloadModel } from '${compiled('src/model/download.ts')}';
      await downloadModel('polyseme/folio-5m', { onProgress: ({ bytes }) => {
        if (bytes > 2_000_000) process.kill(process.pid, 'SIGKILL');
      } });`;
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]).catch(() => {});
    const left = (await readdir(cached('blobs'))).filter((name) => name.endsWith('.incomplete'));
    expect(left).toHaveLength(1);
    expect((await stat(cached('blobs', left[0]))).size).toBeGreaterThan(1_000_000);
    expect(await readdir(cached('snapshots', model().refs['main']))).not.toContain('model.safetensors');
    server.faults.cut = 0;
    server.requests.length = 0;
    await expectComplete(await downloadModel('polyseme/folio-5m'));
    expect(contentRequests().every((line) => line.includes('bytes='))).toBe(true);
  });

  test('what a dead process left of a download that another one ended is removed', async () => {
    await downloadModel('polyseme/folio-5m');
    const [blob] = await readdir(cached('blobs'));
    const host = hostname().replaceAll(/[^A-Za-z0-9]/g, '_');
    const half = (of: string, pid: number) => `${of}.${host}-${pid}.incomplete`;
    const dead = half(blob!, 2 ** 22 + 12345);
    // Of a living process, and of content that nobody has whole.
    const kept = [half(blob!, process.pid), half('a'.repeat(40), 2 ** 22 + 12345)];
    for (const name of [dead, ...kept]) await writeFile(cached('blobs', name), 'half');
    await downloadModel('polyseme/folio-5m');
    const left = (await readdir(cached('blobs'))).filter((name) => name.endsWith('.incomplete'));
    expect(left.sort()).toEqual(kept.sort());
  });

  test('damaged content is fetched again, and never kept', async () => {
    server.faults.damaged = 1;
    await expectComplete(await downloadModel('polyseme/folio-5m'));
    await rm(home, { recursive: true });
    server.faults.damaged = 99;
    await expect(downloadModel('polyseme/folio-5m')).rejects.toThrow('arrived damaged twice');
    expect(await readdir(cached('blobs'))).toEqual([]);
  });

  test('a busy hub is asked again', async () => {
    server.faults.busy = 2;
    await expectComplete(await downloadModel('polyseme/folio-5m'));
  });

  test('two downloads at a time fetch each content once', async () => {
    const [one, two] = await Promise.all([
      downloadModel('polyseme/folio-5m'),
      downloadModel('polyseme/folio-5m'),
    ]);
    expect(one).toBe(two);
    await expectComplete(one);
    expect(contentRequests().filter((line) => line.includes('model.safetensors'))).toHaveLength(1);
  });

  test('a link to a lost content is mended', async () => {
    const dir = await downloadModel('polyseme/folio-5m');
    await rm(join(dir, await readlink(join(dir, 'config.json'))));
    await expectComplete(await downloadModel('polyseme/folio-5m'));
  });

  test('paths out of the repository are refused', async () => {
    server.repos.push(servedRepo('model', 'polyseme/evil', { ...folio, '../../evil': Buffer.from('x') }));
    await expect(downloadModel('polyseme/evil')).rejects.toThrow(/it lists .*\.\.\/\.\.\/evil/);
  });
});

describe('offline', () => {
  test('a complete cache is enough, with HF_HUB_OFFLINE or without a hub', async () => {
    const dir = await downloadModel('polyseme/folio-5m');
    server.requests.length = 0;
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    expect(await downloadModel('polyseme/folio-5m')).toBe(dir);
    expect(server.requests).toEqual([]);
    vi.stubEnv('HF_HUB_OFFLINE', undefined);
    vi.stubEnv('HF_ENDPOINT', await closedUrl());
    expect(await downloadModel('polyseme/folio-5m')).toBe(dir);
  });

  test('what is missing is named', async () => {
    vi.stubEnv('HF_HUB_OFFLINE', 'yes');
    const nothing = `(revision main) is not in the cache ${join(home, 'hub')}, and HF_HUB_OFFLINE is set`;
    await expect(downloadModel('polyseme/folio-5m')).rejects.toThrow(nothing);
    vi.stubEnv('HF_HUB_OFFLINE', undefined);
    const dir = await downloadModel('polyseme/folio-5m');
    await rm(join(dir, 'model.safetensors'));
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    await expect(downloadModel('polyseme/folio-5m')).rejects.toThrow(
      'model.safetensors of polyseme/folio-5m is not',
    );
    vi.stubEnv('HF_HUB_OFFLINE', undefined);
    vi.stubEnv('HF_ENDPOINT', await closedUrl());
    await expect(downloadModel('polyseme/other')).rejects.toThrow('(ECONNREFUSED)');
  });

  test('a cache of another client, without our list of files, is read as it is', async () => {
    const commit = 'c'.repeat(40);
    await mkdir(cached('blobs'), { recursive: true });
    await mkdir(cached('refs'));
    await mkdir(cached('snapshots', commit), { recursive: true });
    await writeFile(cached('refs', 'main'), `${commit}\n`);
    for (const name of ['config.json', 'model.safetensors']) {
      await writeFile(cached('blobs', name.length.toString(16)), folio[name]);
      await symlink(`../../blobs/${name.length.toString(16)}`, cached('snapshots', commit, name));
    }
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    await expect(downloadModel('polyseme/folio-5m')).rejects.toThrow(
      'lacks tokenizer.json of polyseme/folio-5m',
    );
    await writeFile(cached('snapshots', commit, 'tokenizer.json'), folio['tokenizer.json']);
    expect(await downloadModel('polyseme/folio-5m')).toBe(cached('snapshots', commit));
  });
});

describe('who may read', () => {
  test('a token from HF_TOKEN or from the file of a login', async () => {
    model().token = 'my-token';
    await expect(downloadModel('polyseme/folio-5m')).rejects.toThrow(/status 401.*set HF_TOKEN/);
    vi.stubEnv('HF_TOKEN', 'wrong');
    await expect(downloadModel('polyseme/folio-5m')).rejects.toThrow('there is no model polyseme/folio-5m');
    vi.stubEnv('HF_TOKEN', 'my-token');
    await expectComplete(await downloadModel('polyseme/folio-5m'));
    vi.stubEnv('HF_TOKEN', undefined);
    await rename(join(home, 'hub'), join(home, 'gone'));
    await writeFile(join(home, 'token'), 'my-token\n');
    await expectComplete(await downloadModel('polyseme/folio-5m'));
  });

  test('gated and missing repositories', async () => {
    model().gated = true;
    await expect(downloadModel('polyseme/folio-5m')).rejects.toThrow(
      /refused \(status 403\).*accept its conditions/,
    );
    vi.stubEnv('HF_TOKEN', 'any');
    await expect(downloadModel('polyseme/none')).rejects.toThrow(
      `there is no model polyseme/none at ${server.url}`,
    );
    await expect(downloadModel('a/b/c')).rejects.toThrow('is no hub id');
  });

  test('an endpoint that is no hub', async () => {
    vi.stubEnv('HF_ENDPOINT', 'nowhere');
    await expect(downloadModel('polyseme/folio-5m')).rejects.toThrow('HF_ENDPOINT is "nowhere"');
  });
});

describe('hubFiles', () => {
  const texts = { type: 'dataset', name: 'polyseme/texts' } as const;
  const inCache = (...path: string[]) => join(home, 'hub', 'datasets--polyseme--texts', ...path);

  test('lists and downloads single files of a data set', async () => {
    const hub = createHubFiles();
    expect(await hub.list(texts)).toEqual([
      { path: 'data/train-00000-of-00002.parquet', size: 5 },
      { path: 'data/train-00001-of-00002.parquet', size: 6 },
      { path: 'empty.txt', size: 0 },
      { path: 'odd name #1?.txt', size: 3 },
    ]);
    const path = await hub.download(texts, 'data/train-00001-of-00002.parquet');
    expect(readFileSync(path, 'utf8')).toBe('second');
    expect((await lstat(path)).isSymbolicLink()).toBe(true);
    expect(path).toBe(
      inCache('snapshots', server.repos[1].refs['main'], 'data', 'train-00001-of-00002.parquet'),
    );
    expect(readFileSync(await hub.download(texts, 'odd name #1?.txt'), 'utf8')).toBe('odd');
    expect(readFileSync(await hub.download(texts, 'empty.txt'), 'utf8')).toBe('');
    await expect(hub.download(texts, 'none.txt')).rejects.toThrow('polyseme/texts has no file "none.txt"');
    await expect(hub.list({ ...texts, name: '../x' })).rejects.toThrow('is no hub id');
  });

  test('stays at one commit for a process', async () => {
    const hub = createHubFiles();
    await hub.list(texts);
    const files = { 'data/train-00001-of-00002.parquet': Buffer.from('changed') };
    server.repos[1].commits[commitOf(files)] = files;
    server.repos[1].refs['main'] = commitOf(files);
    const path = await hub.download(texts, 'data/train-00001-of-00002.parquet');
    expect(readFileSync(path, 'utf8')).toBe('second');
    expect(await createHubFiles().list(texts)).toHaveLength(1);
  });

  test('offline, the whole list is known, and a file that is not cached is named', async () => {
    await createHubFiles().download(texts, 'empty.txt');
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    const hub = createHubFiles();
    expect(await hub.list(texts)).toHaveLength(4);
    expect(readFileSync(await hub.download(texts, 'empty.txt'), 'utf8')).toBe('');
    await expect(hub.download(texts, 'odd name #1?.txt')).rejects.toThrow(
      /is not in the cache .*HF_HUB_OFFLINE is set/,
    );
  });

  test('offline, without our list, a set of numbered files must be whole', async () => {
    await createHubFiles().download(texts, 'data/train-00001-of-00002.parquet');
    await rm(inCache('trees'), { recursive: true });
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    await expect(createHubFiles().list(texts)).rejects.toThrow(
      'the cache lacks data/train-00000-of-00002.parquet',
    );
    vi.stubEnv('HF_HUB_OFFLINE', undefined);
    await createHubFiles().download(texts, 'data/train-00000-of-00002.parquet');
    await rm(inCache('trees'), { recursive: true });
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    expect(await createHubFiles().list(texts)).toHaveLength(2);
  });
});
