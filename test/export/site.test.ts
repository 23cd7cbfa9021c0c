import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import {
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
import { writeStudy } from '../helpers/written-study.ts';

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
  const { files, bytes } = await writeSite(study, site, { webRoot });
  const found = readdirSync(site, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const sizes = found.map(({ parentPath, name }) => statSync(join(parentPath, name)).size);
  expect(files).toBe(found.length);
  expect(bytes).toBe(sizes.reduce((a, b) => a + b, 0));
  expect(Math.max(...sizes)).toBeLessThanOrEqual(MOST_FILE);
  // A unit of 3,000 examples does not fit into one file.
  expect(existsSync(join(site, 'data/units/0/0/0.1.bin'))).toBe(true);
  await expect(writeSite(study, site, { webRoot })).rejects.toThrow('is a site already');
  writeFileSync(join(site, 'data', 'old.bin'), 'old');
  await writeSite(study, site, { webRoot, overwrite: true });
  expect(existsSync(join(site, 'data', 'old.bin'))).toBe(false);
  await expect(writeSite(study, join(out, 'mine.txt'), { webRoot, overwrite: true })).rejects.toThrow(
    'mine.txt is there, and is no folder',
  );
  // A study that was put into its site would be removed with it.
  const moved = join(site, 'study.db');
  copyFileSync(study.path, moved);
  const inside = openStudy(moved);
  try {
    await expect(writeSite(inside, site, { webRoot, overwrite: true })).rejects.toThrow('move the study');
  } finally {
    inside.close();
  }
  expect(readFileSync(moved)).toEqual(readFileSync(study.path));
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
  const page = sitePage(readFileSync(join(import.meta.dirname, '../../web/index.html'), 'utf8'));
  expect(page).not.toMatch(/(href|src)="\//);
  expect(page).toContain('<meta name="polyseme-site" content="./data/" />');
  expect(page).toContain('http-equiv="Content-Security-Policy"');
  expect(page).not.toContain('openapi');
});
