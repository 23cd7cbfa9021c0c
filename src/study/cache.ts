import { closeSync, existsSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import Database from 'libsql';
import type * as z from 'zod';
import { digestOf } from './digests.ts';
import type { Db } from './guard.ts';
import { bytes } from './select.ts';
import type { Study } from './study.ts';

/**
 * Results about a study that take long to compute, kept in a file of their own beside it: `study.cache.db` for
 * `study.db`. The study itself is never written. Every value is of one content hash of the study and has a digest, so
 * that nothing else is ever read; the file can be deleted at any time. Where it cannot be used (a folder that is
 * read-only, a disk that is full, another process that is writing, a file that is no cache) nothing is kept, and results
 * are computed again. Each call opens and closes the file.
 */

/** SQLite's application id of a cache: "Polc" in ASCII. */
const APPLICATION_ID = 0x506f6c63;
/** The whole schema: a file with another one is not read. */
const SCHEMA =
  'CREATE TABLE results(id INTEGER PRIMARY KEY, study TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL, value BLOB NOT NULL, UNIQUE(study, kind, key))';
/** Bytes that a cache takes on the disk, at most. */
const MOST_BYTES = 256 << 20;
/** A value of more than this share of it is not kept. */
const LARGEST_SHARE = 1 / 4;
/** What is left of it once old results were removed. */
const LEFT_SHARE = 3 / 4;
/** Milliseconds to wait for another process. */
const WAIT = 500;

/** One result: what kind it is of (with a version, where the computation may change), and of what. */
export interface CacheKey {
  readonly kind: string;
  readonly key: string;
}

/** Where the results about a study are kept. */
export function cachePath(study: string): string {
  return `${study.replace(/\.db$/, '')}.cache.db`;
}

/**
 * What was kept under a key; null where there is nothing, or the study is not finished.
 * @example
 * writeCached(study, { kind: 'norms 1', key: 'mlp.0/1' }, Uint8Array.of(1, 2));
 * console.log(readCached(study, { kind: 'norms 1', key: 'mlp.0/1' })); // Uint8Array [1, 2]
 */
export function readCached(study: Study, { kind, key }: CacheKey): Uint8Array | null {
  const path = cachePath(study.path);
  const of = studyHash(study);
  if (of === null || !isCache(path)) return null;
  return attempt(path, (db) => {
    const sql = `SELECT ${bytes('value')}, ${bytes('digest')} FROM results
      WHERE study = ? AND kind = ? AND key = ? AND length(value) <= ${MOST_BYTES * LARGEST_SHARE}`;
    const [row] = db.prepare(sql).raw().all(of, kind, key) as [Uint8Array, Uint8Array][];
    return row !== undefined && digestOf(row[0]).equals(row[1]) ? new Uint8Array(row[0]) : null;
  });
}

/** All values that were kept of one kind, in no order. */
export function readAllCached(study: Study, kind: string): Uint8Array[] {
  const path = cachePath(study.path);
  const of = studyHash(study);
  if (of === null || !isCache(path)) return [];
  const rows = attempt(path, (db) => {
    const sql = `SELECT ${bytes('value')}, ${bytes('digest')} FROM results
      WHERE study = ? AND kind = ? AND length(value) <= ${MOST_BYTES * LARGEST_SHARE}`;
    return db.prepare(sql).raw().all(of, kind) as [Uint8Array, Uint8Array][];
  });
  return (rows ?? []).flatMap(([value, digest]) =>
    digestOf(value).equals(digest) ? [new Uint8Array(value)] : [],
  );
}

/**
 * Keeps a value under a key. Values of other contents of the study are thrown away, and the oldest ones where the file
 * would be too large.
 * @param most bytes that the file may take
 */
export function writeCached(
  study: Study,
  { kind, key }: CacheKey,
  value: Uint8Array,
  most: number = MOST_BYTES,
): void {
  const path = cachePath(study.path);
  const of = studyHash(study);
  if (of === null || value.length > most * LARGEST_SHARE) return;
  // A file that is not a cache is somebody else's, and stays.
  if (existsSync(path) && statSync(path).size > 0 && !isCache(path)) return;
  const write = (db: Db): true => {
    db.exec('BEGIN IMMEDIATE');
    db.prepare('DELETE FROM results WHERE study <> ?').run(of);
    db.prepare('INSERT OR REPLACE INTO results(study, kind, key, digest, value) VALUES (?, ?, ?, ?, ?)').run(
      of,
      kind,
      key,
      digestOf(value),
      Buffer.from(value.buffer, value.byteOffset, value.byteLength),
    );
    if (usedBytes(db) > most) removeOldest(db, most * LEFT_SHARE);
    db.exec('COMMIT');
    return true;
  };
  if (attempt(path, write) === null && isCache(path) && !isWhole(path)) {
    // Ours, but damaged or of another version.
    if (removed(path)) attempt(path, write);
  }
}

/**
 * A JSON value that was kept under a key, or else the one that `make` computes, which then is kept.
 * @param schema what is read must be; it may be of another version, or somebody else's
 * @example
 * const key = { kind: 'length 1', key: 'mlp.0/1' };
 * console.log(await cachedJson(study, key, z.number(), () => study.words('mlp.0', 1).length));
 */
export async function cachedJson<T>(
  study: Study,
  key: CacheKey,
  schema: z.ZodType<T>,
  make: () => T | Promise<T>,
): Promise<T> {
  const kept = readCached(study, key);
  const known = kept === null ? null : schema.safeParse(parsed(kept));
  if (known?.success) return known.data;
  const made = Buffer.from(JSON.stringify(await make()));
  writeCached(study, key, made);
  // As it will be read: what is computed and what was kept are equal to the byte in an answer.
  return schema.parse(parsed(made));
}

/** The content hash; null of an unfinished study, of which nothing is kept. */
function studyHash(study: Study): string | null {
  const revision = study.revision();
  return /^[0-9a-f]{64}$/.test(revision) ? revision : null;
}

/** Works with the database, which is made where there is none; null where that fails. */
function attempt<T>(path: string, work: (db: Db) => T): T | null {
  let db: Db | null = null;
  try {
    db = new Database(path);
    db.exec(`PRAGMA busy_timeout = ${WAIT}; PRAGMA trusted_schema = OFF`);
    if (schemaOf(db).length === 0) {
      db.exec(`BEGIN IMMEDIATE; PRAGMA application_id = ${APPLICATION_ID};
        ${SCHEMA.replace('TABLE', 'TABLE IF NOT EXISTS')}; COMMIT`);
    }
    checkSchema(db);
    return work(db);
  } catch {
    return null;
  } finally {
    db?.close();
  }
}

function schemaOf(db: Db): string[] {
  const rows = db.prepare(`SELECT ${bytes('sql')} FROM sqlite_schema WHERE sql IS NOT NULL LIMIT 2`).raw();
  return (rows.all() as [Uint8Array][]).map(([sql]) => Buffer.from(sql).toString());
}

function checkSchema(db: Db): void {
  const found = schemaOf(db);
  if (found.length !== 1 || found[0] !== SCHEMA) throw new Error('another schema');
}

/** Whether the database can be read from end to end, or another process has it. */
function isWhole(path: string): boolean {
  let db: Db | null = null;
  try {
    db = new Database(path);
    checkSchema(db);
    const [[found]] = db
      .prepare(`SELECT ${bytes('integrity_check')} FROM pragma_integrity_check(1)`)
      .raw()
      .all() as [[Uint8Array]];
    return Buffer.from(found).toString() === 'ok';
  } catch (error) {
    return /busy|locked/i.test(String(error));
  } finally {
    db?.close();
  }
}

function removed(path: string): boolean {
  try {
    for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(path + suffix, { force: true });
    return true;
  } catch {
    return false;
  }
}

/** Whether a file says that it is a cache: by the head of the file, before SQLite opens it. */
function isCache(path: string): boolean {
  try {
    const file = openSync(path, 'r');
    try {
      const head = Buffer.alloc(72);
      readSync(file, head, 0, head.length, 0);
      return (
        head.toString('latin1', 0, 16) === 'SQLite format 3\0' && head.readUInt32BE(68) === APPLICATION_ID
      );
    } finally {
      closeSync(file);
    }
  } catch {
    return false;
  }
}

function usedBytes(db: Db): number {
  const pragma = (name: string): number => (db.prepare(`PRAGMA ${name}`).raw().all() as number[][])[0]![0]!;
  return (pragma('page_count') - pragma('freelist_count')) * pragma('page_size');
}

/** Removes results, an eighth of them at a time, the oldest first, until no more than `most` bytes are used. */
function removeOldest(db: Db, most: number): void {
  const oldest = db.prepare(
    'DELETE FROM results WHERE id IN (SELECT id FROM results ORDER BY id LIMIT 1 + (SELECT COUNT(*) / 8 FROM results))',
  );
  do oldest.run();
  while (usedBytes(db) > most);
}

function parsed(value: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(value).toString());
  } catch {
    return undefined;
  }
}
