import { spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod';
import { openStudy, type Study } from '../../src/index.ts';
import { cachedJson, cachePath, readCached, writeCached } from '../../src/study/cache.ts';
import { compiled } from '../helpers/cli.ts';
import { writeStudy } from '../helpers/written-study.ts';

const CHILD = compiled('test/helpers/write-cached.mjs');
const folder = mkdtempSync(join(tmpdir(), 'polyseme-cache-'));
const whole = join(folder, 'whole.db');
const other = join(folder, 'other.db');
const KEY = { kind: 'sum 1', key: 'mlp.0/1' };
const VALUE = Uint8Array.of(1, 2, 3, 250);
let made = 0;

beforeAll(() => {
  const study = { banks: [{ name: 'mlp.0', units: 2 }], contexts: [['the', ' ship']] };
  writeStudy({ ...study, path: whole, examples: () => 4 });
  writeStudy({ ...study, path: other, examples: () => 5 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fresh(from = whole): string {
  const path = join(folder, `${made++}.db`);
  copyFileSync(from, path);
  return path;
}

function using<T>(path: string, work: (study: Study) => T): T {
  const study = openStudy(path);
  try {
    return work(study);
  } finally {
    study.close();
  }
}

const write = (path: string, value = VALUE, key = KEY) =>
  using(path, (study) => writeCached(study, key, value));
const read = (path: string, key = KEY) => using(path, (study) => readCached(study, key));

test('what is kept is read again, by kind and key, and the study is not written', () => {
  const path = fresh();
  const before = readFileSync(path);
  expect(read(path)).toBe(null);
  expect(existsSync(cachePath(path))).toBe(false);
  write(path);
  write(path, Uint8Array.of(9), { kind: 'sum 1', key: 'mlp.0/0' });
  write(path, new Uint8Array(0), { kind: 'sum 2', key: 'mlp.0/1' });
  expect(read(path)).toEqual(VALUE);
  expect(read(path, { kind: 'sum 1', key: 'mlp.0/0' })).toEqual(Uint8Array.of(9));
  expect(read(path, { kind: 'sum 2', key: 'mlp.0/1' })).toEqual(new Uint8Array(0));
  write(path, Uint8Array.of(7));
  expect(read(path)).toEqual(Uint8Array.of(7));
  expect(readFileSync(path).equals(before)).toBe(true);
});

test('beside study.db lies study.cache.db', () => {
  expect([cachePath('/a/study.db'), cachePath('b.sqlite')]).toEqual([
    '/a/study.cache.db',
    'b.sqlite.cache.db',
  ]);
});

test('another content of the study reads nothing, and throws the old results away', () => {
  const path = fresh();
  write(path);
  copyFileSync(other, path);
  expect(read(path)).toBe(null);
  write(path, Uint8Array.of(5), { kind: 'sum 1', key: 'new' });
  copyFileSync(whole, path);
  expect(read(path)).toBe(null);
});

test('of an unfinished study nothing is kept', () => {
  const path = join(folder, 'unfinished.db');
  writeStudy({
    path,
    banks: [{ name: 'mlp.0', units: 2 }],
    contexts: [['a']],
    examples: () => 3,
    without: [1],
  });
  write(path);
  expect([read(path), existsSync(cachePath(path))]).toEqual([null, false]);
});

test('the file can be deleted at any time', () => {
  const path = fresh();
  using(path, (study) => {
    writeCached(study, KEY, VALUE);
    rmSync(cachePath(path));
    expect(readCached(study, KEY)).toBe(null);
    writeCached(study, KEY, VALUE);
    expect(readCached(study, KEY)).toEqual(VALUE);
  });
});

test('a value that was changed is not read', () => {
  const path = fresh();
  write(path);
  const db = new Database(cachePath(path));
  db.prepare('UPDATE results SET value = ?').run([Buffer.of(1, 2, 3, 4)]);
  db.close();
  expect(read(path)).toBe(null);
  write(path);
  expect(read(path)).toEqual(VALUE);
});

test.each([
  ['a trigger', 'CREATE TRIGGER t AFTER DELETE ON results BEGIN SELECT 1; END'],
  ['another table', 'DROP TABLE results; CREATE TABLE results(a, b)'],
  ['a view in its place', 'DROP TABLE results; CREATE VIEW results AS SELECT 1 AS value'],
])('a cache with %s is not read, and made anew by the next write', (_, sql) => {
  const path = fresh();
  write(path);
  const db = new Database(cachePath(path));
  db.exec(sql);
  db.close();
  expect(read(path)).toBe(null);
  write(path);
  expect(read(path)).toEqual(VALUE);
});

test('a cache with damaged pages is made anew', () => {
  const path = fresh();
  write(path, new Uint8Array(50_000).fill(3));
  const bytes = readFileSync(cachePath(path));
  bytes.fill(0xff, 4096);
  writeFileSync(cachePath(path), bytes);
  expect(read(path)).toBe(null);
  write(path);
  expect(read(path)).toEqual(VALUE);
});

test.each([
  ['text', (at: string) => writeFileSync(at, 'my notes')],
  ['another study', (at: string) => copyFileSync(other, at)],
])('a file of that name that is %s is left as it is', (_, put) => {
  const path = fresh();
  put(cachePath(path));
  const before = readFileSync(cachePath(path));
  write(path);
  expect(read(path)).toBe(null);
  expect(readFileSync(cachePath(path)).equals(before)).toBe(true);
});

test('a folder in its place, or no folder at all, is no error', () => {
  const path = fresh();
  mkdirSync(cachePath(path));
  write(path);
  expect(read(path)).toBe(null);
  const nowhere = { path: join(folder, 'missing', 'study.db'), revision: () => 'a'.repeat(64) } as Study;
  writeCached(nowhere, KEY, VALUE);
  expect(readCached(nowhere, KEY)).toBe(null);
});

// Root writes where nobody may.
test.skipIf(process.getuid?.() === 0)(
  'in a folder that is read-only nothing is kept, and nothing fails',
  () => {
    const path = fresh();
    chmodSync(folder, 0o555);
    try {
      write(path);
      expect(read(path)).toBe(null);
    } finally {
      chmodSync(folder, 0o755);
    }
  },
);

test('while another process writes, nothing is kept and nothing fails', () => {
  const path = fresh();
  write(path);
  const db = new Database(cachePath(path));
  db.exec('BEGIN EXCLUSIVE');
  write(path, Uint8Array.of(7));
  expect(read(path)).toBe(null);
  db.exec('ROLLBACK');
  db.close();
  expect(read(path)).toEqual(VALUE);
});

test('two processes at once leave a cache of which everything is right', async () => {
  const path = fresh();
  const codes = await Promise.all(
    ['a', 'b'].map(
      (name) =>
        new Promise<number | null>((resolve) => {
          spawn(process.execPath, [CHILD, path, name], { stdio: 'inherit' }).on('close', resolve);
        }),
    ),
  );
  expect(codes).toEqual([0, 0]);
  const found = ['a', 'b'].flatMap((name) =>
    Array.from({ length: 40 }, (_, i) => {
      const value = read(path, { kind: name, key: String(i) });
      if (value !== null) expect(value).toEqual(new Uint8Array(1000 + i).fill(i));
      return value !== null;
    }),
  );
  expect(found.filter(Boolean).length).toBeGreaterThan(40);
});

test('the oldest results go where the file would be too large', () => {
  const path = fresh();
  const most = 1 << 20;
  using(path, (study) => {
    for (let i = 0; i < 100; i++) {
      writeCached(study, { kind: 'a', key: String(i) }, new Uint8Array(30_000).fill(i), most);
    }
    writeCached(study, { kind: 'a', key: 'huge' }, new Uint8Array(most / 2), most);
    const kept = Array.from(
      { length: 100 },
      (_, i) => readCached(study, { kind: 'a', key: String(i) }) !== null,
    );
    const first = kept.indexOf(true);
    expect(first).toBeGreaterThan(60);
    expect(kept.slice(first).every(Boolean)).toBe(true);
    expect(readCached(study, { kind: 'a', key: 'huge' })).toBe(null);
  });
  expect(statSync(cachePath(path)).size).toBeLessThan(1.1 * most);
});

test('cachedJson computes once, and again where what it finds does not fit', async () => {
  const path = fresh();
  const study = openStudy(path);
  let calls = 0;
  const make = () => ({ found: ++calls });
  const schema = z.object({ found: z.int() });
  expect([await cachedJson(study, KEY, schema, make), await cachedJson(study, KEY, schema, make)]).toEqual([
    { found: 1 },
    { found: 1 },
  ]);
  // To the byte: what an answer is does not depend on whether it was kept.
  const ordered = z.object({ a: z.int(), b: z.int() });
  const other = { kind: 'ordered 1', key: '' };
  const texts = [0, 1].map(async () =>
    JSON.stringify(await cachedJson(study, other, ordered, () => ({ b: 2, a: 1 }))),
  );
  expect(await Promise.all(texts)).toEqual(['{"a":1,"b":2}', '{"a":1,"b":2}']);
  writeCached(study, KEY, Buffer.from('{"found":"x"}'));
  expect(await cachedJson(study, KEY, schema, make)).toEqual({ found: 2 });
  writeCached(study, KEY, Buffer.from('{'));
  expect(await cachedJson(study, KEY, schema, make)).toEqual({ found: 3 });
  study.close();
});
