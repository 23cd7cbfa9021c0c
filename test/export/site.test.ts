import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type PackedArray, pack, unpack } from '../../src/base/pack.ts';
import { createRandom } from '../../src/base/random.ts';
import {
  block,
  blockParts,
  DISTANCE_ERROR,
  fromSixteenBits,
  MOST_FILE,
  partFile,
  sixteenBits,
} from '../../src/contract/site.ts';
import { BlockWriter } from '../../src/export/site/blocks.ts';
import { sitePage } from '../../src/export/site/explorer.ts';
import { writeSite } from '../../src/export/site/write-site.ts';
import { openStudy } from '../../src/study/open-study.ts';
import type { Study } from '../../src/study/study.ts';
import { SiteFiles } from '../../web/src/source/site/site-files.ts';
import { openSite } from '../../web/src/source/site/site-source.ts';
import { writeSmallStudy, writeStudy } from '../helpers/written-study.ts';

let folder: string;
let study: Study;
let webRoot: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'polyseme-site-files-'));
  webRoot = join(folder, 'web');
  mkdirSync(webRoot);
  writeFileSync(join(webRoot, 'index.html'), '<!doctype html><head><meta charset="utf-8" /></head>');
  const path = join(folder, 'study.db');
  writeStudy({
    path,
    banks: [{ name: 'mlp.0', units: 2 }],
    examples: (unit) => [3000, 2][unit]!,
    contexts: Array.from({ length: 300 }, (_, i) => Array.from({ length: 60 }, (_, j) => ` w${i * j}`)),
  });
  study = openStudy(path);
});

afterAll(() => {
  study.close();
  rmSync(folder, { recursive: true, force: true });
});

test('a block of any size comes in files of at most 400 KB, and is what it was', async () => {
  const random = createRandom(1);
  for (const length of [0, 1, MOST_FILE - 100, MOST_FILE, 2 * MOST_FILE, 1_234_567]) {
    const bytes = Uint8Array.from({ length }, () => random.integer(256));
    const parts = blockParts(new Uint8Array(gzipSync(bytes)));
    for (const part of parts) expect(part.length).toBeLessThanOrEqual(MOST_FILE);
    const files = new Map(parts.map((part, i) => [partFile('a', i), part]));
    const read = new SiteFiles(async (path) => files.get(path)!);
    expect(Buffer.from(await read.bytes('a')).equals(Buffer.from(bytes))).toBe(true);
  }
});

test('a file that is damaged or missing is one line that names it', async () => {
  const [part] = blockParts(new Uint8Array(gzipSync(Buffer.from('{"a":1}'))));
  const of = (bytes: Uint8Array) => new SiteFiles(async () => new Uint8Array(bytes));
  expect(await of(part!).json('x')).toEqual({ a: 1 });
  const broken = part!.slice();
  broken[broken.length - 5]! ^= 1;
  await expect(of(broken).json('rows/0/1')).rejects.toThrow('A file of this site is damaged (rows/0/1)');
  await expect(of(part!.subarray(0, 9)).json('x')).rejects.toThrow('is damaged (x)');
  await expect(of(new Uint8Array()).json('x')).rejects.toThrow('is damaged (x)');
  const newer = async () => new TextEncoder().encode('{"format":99}');
  await expect(openSite(newer, 'http://localhost/')).rejects.toThrow('of layout 99');
});

test('numbers that cannot be are refused, and no lengths of arrays', async () => {
  writeSmallStudy(join(folder, 'small.db'));
  const small = openStudy(join(folder, 'small.db'));
  const { data } = await writeSite(small, join(folder, 'counted'), { webRoot });
  small.close();
  const files = join(folder, 'counted', data);
  const head = JSON.parse(readFileSync(join(files, 'site.json'), 'utf8'));
  const [bank] = head.study.banks;
  const opened = (changed: object) =>
    openSite(
      async () => new TextEncoder().encode(JSON.stringify({ ...head, ...changed })),
      'http://localhost/',
    );
  const ofUnits = (units: unknown) => ({ study: { ...head.study, banks: [{ ...bank, units }] } });
  await opened({});
  const wrong = [{ units: 6 }, { units: -1 }, { units: '2' }, ...[2 ** 31, 2.5, null].map(ofUnits)];
  for (const changed of wrong)
    await expect(opened(changed)).rejects.toThrow('A file of this site is damaged (site.json)');

  const changedUnit = (change: (arrays: Record<string, PackedArray>) => Record<string, PackedArray>) =>
    openSite(async (path) => {
      const bytes = Uint8Array.from(readFileSync(join(files, path)));
      if (path !== partFile(block.unit(0, 1), 0)) return bytes;
      const arrays = unpack(gunzipSync(bytes.subarray(2)), path);
      return blockParts(new Uint8Array(gzipSync(pack({ ...arrays, ...change(arrays) }))))[0]!;
    }, 'http://localhost/').then((site) => site.unit('mlp.0', 1));
  await changedUnit(() => ({}));
  for (const change of [
    ({ offset }) => ({ offset: (offset as Uint32Array).map((at, i) => (i === 0 ? at : 2 ** 32 - 1)) }),
    ({ offset }) => ({ offset: (offset as Uint32Array).toReversed() }),
    () => ({ activation: new Float32Array(2 ** 16) }),
    () => ({ distances: new Uint16Array(2 ** 10) }),
  ] satisfies Parameters<typeof changedUnit>[0][])
    await expect(changedUnit(change)).rejects.toThrow('damaged');
});

test('distances in 16 bits', () => {
  const random = createRandom(2);
  const distances = Float32Array.from({ length: 5000 }, () => 2 * random.next());
  distances.set([0, 1, 2]);
  const again = fromSixteenBits(sixteenBits(distances));
  expect([...again.subarray(0, 3)]).toEqual([0, 1, 2]);
  const worst = again.reduce((most, d, i) => Math.max(most, Math.abs(d - distances[i]!)), 0);
  expect(worst).toBeGreaterThan(0.9 * DISTANCE_ERROR);
  expect(worst).toBeLessThan(1.01 * DISTANCE_ERROR);
});

/** The files of a folder with what they hold, by path. */
function filesIn(root: string): Record<string, string> {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    paths.sort().map((path) => [path.slice(root.length + 1), readFileSync(path, 'latin1')]),
  );
}

test('a site takes no folder that is none of its own, and replaces one only where that is asked for', async () => {
  const out = join(folder, 'out');
  mkdirSync(out);
  writeFileSync(join(out, 'mine.txt'), 'mine');
  await expect(writeSite(study, out, { webRoot, overwrite: true })).rejects.toThrow(
    `${out} is there, and is no site of Polyseme's`,
  );
  expect(readdirSync(out)).toEqual(['mine.txt']);
  const site = join(folder, 'a-site');
  mkdirSync(site);
  const { files, bytes, data } = await writeSite(study, site, { webRoot });
  const list = 'files.bin';
  const found = readdirSync(site, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const sizes = found.map(({ parentPath, name }) => statSync(join(parentPath, name)).size);
  expect(found.map(({ name }) => name)).toContain(list);
  expect(files).toBe(found.length);
  expect(bytes).toBe(sizes.reduce((a, b) => a + b, 0));
  expect(Math.max(...sizes)).toBeLessThanOrEqual(MOST_FILE);
  // A unit of 3,000 examples does not fit into one file.
  expect(existsSync(join(site, data, 'units/0/0/0.1.bin'))).toBe(true);
  await expect(writeSite(study, site, { webRoot })).rejects.toThrow('is a site already');
  await expect(writeSite(study, join(out, 'mine.txt'), { webRoot, overwrite: true })).rejects.toThrow(
    'mine.txt is there, and is no folder',
  );
  // Of an earlier version: nobody knows which files are its own.
  const old = join(folder, 'old');
  mkdirSync(join(old, 'data'), { recursive: true });
  writeFileSync(join(old, 'data/site.json'), '{"format":2}');
  await expect(writeSite(study, old, { webRoot, overwrite: true })).rejects.toThrow('of an earlier version');
});

describe('in the place of another site', () => {
  const web = () => join(folder, 'other-web');
  let small: Study;
  let other: Study;
  let site: string;
  let first: Record<string, string>;
  /** What others put into a site: into its folder, beside its own files, and among its data. */
  const foreign = (data: string): Record<string, string> => ({
    CNAME: 'neurons.example',
    '.git/HEAD': 'ref: refs/heads/main',
    'robots.txt': 'User-agent: *',
    'assets/logo.svg': '<svg/>',
    'study.db': 'a study',
    [`${data}/mine.txt`]: 'mine',
  });
  const plant = (files: Record<string, string>) => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(site, path)), { recursive: true });
      writeFileSync(join(site, path), text);
    }
  };
  beforeAll(() => {
    mkdirSync(join(web(), 'assets'), { recursive: true });
    writeFileSync(join(web(), 'index.html'), '<!doctype html><head><meta charset="utf-8" /></head>new');
    writeFileSync(join(web(), 'assets/new-1.js'), 'new');
    writeFileSync(join(web(), 'same.js'), 'same');
    mkdirSync(join(webRoot, 'assets'));
    writeFileSync(join(webRoot, 'assets/old-1.js'), 'old');
    writeFileSync(join(webRoot, 'same.js'), 'same');
    const written = (name: string, units: number) => {
      const path = join(folder, `${name}.db`);
      const contexts = [[' a', ' b', ' c']];
      writeStudy({ path, banks: [{ name: 'mlp.1', units }], examples: () => 3, contexts });
      return openStudy(path);
    };
    small = written('small', 2);
    other = written('other', 1);
  });
  afterAll(() => {
    small.close();
    other.close();
  });
  beforeEach(async () => {
    site = mkdtempSync(join(folder, 'replaced-'));
    const { data } = await writeSite(small, site, { webRoot });
    first = filesIn(site);
    plant(foreign(data));
  });

  test('what an export made is replaced, all else is kept', async () => {
    const kept = foreign(readdirSync(site).find((name) => name.startsWith('data-'))!);
    const { files } = await writeSite(other, site, { webRoot: web(), overwrite: true });
    const fresh = join(folder, 'fresh');
    await writeSite(other, fresh, { webRoot: web() });
    expect(filesIn(site)).toEqual({ ...filesIn(fresh), ...kept });
    expect(files).toBe(Object.keys(filesIn(fresh)).length);
    expect(existsSync(join(site, 'assets/old-1.js'))).toBe(false);
    // Back again, and once more the same: to the byte what it was.
    for (let i = 0; i < 2; i++) await writeSite(small, site, { webRoot, overwrite: true });
    expect(filesIn(site)).toEqual({ ...first, ...kept });
  });

  test('folders that an export left empty when it was killed go, too', async () => {
    const own = join(folder, 'killed');
    const { data } = await writeSite(small, own, { webRoot });
    for (const path of Object.keys(filesIn(join(own, data))))
      if (path !== partFile(block.files, 0)) rmSync(join(own, data, path));
    mkdirSync(join(own, 'data-0123456789abcdef'));
    const { data: now } = await writeSite(other, own, { webRoot: web(), overwrite: true });
    expect(readdirSync(own).filter((name) => name.startsWith('data-'))).toEqual([now]);
  });

  test('a file of an export’s that was changed is neither replaced nor removed', async () => {
    plant({ 'index.html': 'my own page' });
    const before = filesIn(site);
    await expect(writeSite(other, site, { webRoot: web(), overwrite: true })).rejects.toMatchObject({
      message: expect.stringContaining('index.html is not as an export made it'),
      code: 'exists',
    });
    expect(filesIn(site)).toEqual(before);
    plant({ 'index.html': first['index.html']!, 'assets/old-1.js': 'changed', 'assets/new-1.js': 'mine' });
    await expect(writeSite(other, site, { webRoot: web(), overwrite: true })).rejects.toThrow(
      'new-1.js is not',
    );
    rmSync(join(site, 'assets/new-1.js'));
    await writeSite(other, site, { webRoot: web(), overwrite: true });
    expect(readFileSync(join(site, 'assets/old-1.js'), 'utf8')).toBe('changed');
    // A list that leads out of the folder is no list.
    const data = readdirSync(site).find((name) => existsSync(join(site, name, 'site.json')))!;
    const list = gzipSync(JSON.stringify({ data: ['../CNAME'], explorer: [] }));
    writeFileSync(join(site, data, 'files.bin'), Buffer.concat([Uint8Array.of(1, 0), list]));
    await expect(writeSite(small, site, { webRoot, overwrite: true })).rejects.toThrow('no site of Polyseme');
    expect(existsSync(join(site, 'CNAME'))).toBe(true);
  });

  test('nothing is written or removed through a link', async () => {
    const elsewhere = mkdtempSync(join(folder, 'elsewhere-'));
    renameSync(join(site, 'assets'), join(elsewhere, 'assets'));
    symlinkSync(join(elsewhere, 'assets'), join(site, 'assets'));
    await expect(writeSite(other, site, { webRoot: web(), overwrite: true })).rejects.toThrow(
      'new-1.js is not',
    );
    rmSync(join(web(), 'assets/new-1.js'));
    await writeSite(other, site, { webRoot: web(), overwrite: true });
    writeFileSync(join(web(), 'assets/new-1.js'), 'new');
    expect(readdirSync(join(elsewhere, 'assets')).sort()).toEqual(['logo.svg', 'old-1.js']);
  });

  test('an export that is stopped leaves the site as it was', async () => {
    const before = filesIn(site);
    const stop = new AbortController();
    const options = { webRoot: web(), overwrite: true, signal: stop.signal, onProgress: () => stop.abort() };
    await expect(writeSite(other, site, options)).rejects.toMatchObject({ code: 'aborted' });
    expect(filesIn(site)).toEqual(before);
  });
});

test('a site that was not finished is not there', async () => {
  const out = join(folder, 'stopped');
  const stop = new AbortController();
  const stages: string[] = [];
  await expect(
    writeSite(study, out, {
      webRoot,
      signal: stop.signal,
      onProgress({ stage, done, total, unit }) {
        stages.push(`${stage} ${done} ${total} ${unit}`);
        if (stage === 'export') stop.abort();
      },
    }),
  ).rejects.toMatchObject({ code: 'aborted' });
  expect(stages).toContain('export 1 2 units');
  expect(readdirSync(folder).filter((name) => name.includes('stopped'))).toEqual([]);
});

test('an error of one write is the writer’s, whenever it comes', async () => {
  const target = join(folder, 'blocks');
  mkdirSync(target);
  writeFileSync(join(target, 'units'), 'a file where a folder should be');
  const blocks = new BlockWriter(target);
  await blocks.plain('units/0', 'x');
  await blocks.settle();
  await expect(blocks.finish()).rejects.toThrow(/EEXIST|ENOTDIR/);
  await expect(blocks.plain('other', 'x')).rejects.toThrow(/EEXIST|ENOTDIR/);
});

test('the page of a site has relative links and a policy of its own, and no more', () => {
  const page = sitePage(readFileSync(join(import.meta.dirname, '../../web/index.html'), 'utf8'), 'data-1');
  expect(page).not.toMatch(/(href|src)="\//);
  expect(page).toContain('<meta name="polyseme-site" content="./data-1/" />');
  expect(page).toContain('http-equiv="Content-Security-Policy"');
  expect(page).toContain('as="fetch" crossorigin href="./data-1/site.json"');
  expect(page).not.toContain('openapi');
});
