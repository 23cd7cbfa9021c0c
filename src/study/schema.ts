import { existsSync, statSync } from 'node:fs';
import Database from 'libsql';
import { PolysemeError } from '../errors.ts';
import { column, STORED, type StoredColumn } from '../polysemy/column-lists.ts';
import { checkSchema } from './check-schema.ts';
import { type Db, guard } from './guard.ts';
import { createQuery } from './select.ts';

/** SQLite's application id of a study: "Poly" in ASCII. */
const APPLICATION_ID = 0x506f6c79;
/** Version of the layout below; a reader refuses newer ones. */
const VERSION = 3;

const TYPES = { integer: 'INTEGER', real: 'REAL', word: 'TEXT' } as const;

function definition(name: StoredColumn): string {
  const { type, nullable } = column(name);
  return `${name} ${TYPES[type]}${nullable ? '' : ' NOT NULL'}`;
}

const SCHEMA = `
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE banks(
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, site TEXT NOT NULL,
  units INTEGER NOT NULL, dimension INTEGER NOT NULL, embedding TEXT NOT NULL);
CREATE TABLE units(
  bank INTEGER NOT NULL, idx INTEGER NOT NULL,
  ${STORED.map(definition).join(', ')},
  words TEXT NOT NULL, names TEXT, hash BLOB NOT NULL, digest BLOB NOT NULL, PRIMARY KEY(bank, idx)) WITHOUT ROWID;
CREATE TABLE details(
  bank INTEGER NOT NULL, idx INTEGER NOT NULL, digest BLOB NOT NULL, detail BLOB NOT NULL, PRIMARY KEY(bank, idx));
CREATE TABLE inputs(
  bank INTEGER NOT NULL, idx INTEGER NOT NULL, digest BLOB NOT NULL, inputs BLOB NOT NULL, PRIMARY KEY(bank, idx));
CREATE TABLE bankInputs(bank INTEGER PRIMARY KEY, digest BLOB NOT NULL, inputs BLOB NOT NULL);
CREATE TABLE passages(id INTEGER PRIMARY KEY, digest BLOB NOT NULL, passages BLOB NOT NULL);
CREATE TABLE textSample(id INTEGER PRIMARY KEY, digest BLOB NOT NULL, sample BLOB NOT NULL);
CREATE TABLE contexts(id INTEGER PRIMARY KEY, document INTEGER NOT NULL, start INTEGER NOT NULL, tokens BLOB NOT NULL);
CREATE TABLE documents(id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE documentTexts(id INTEGER PRIMARY KEY, digest BLOB NOT NULL, text BLOB NOT NULL);
CREATE TABLE tokens(id INTEGER PRIMARY KEY, text TEXT NOT NULL);
PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${VERSION};
`;

/** The table that a study of images has beside the others, by the id of the context. */
const IMAGES =
  'CREATE TABLE images(id INTEGER PRIMARY KEY, label TEXT, digest BLOB NOT NULL, png BLOB NOT NULL);';

/** Makes an empty study; the file must not exist. @param images whether its contexts are images */
export function createDatabase(path: string, images = false): Db {
  const db = guard(path, () => new Database(path));
  guard(path, () => db.exec(`BEGIN; ${SCHEMA} ${images ? IMAGES : ''} COMMIT`));
  return db;
}

/** Opens a study that must exist, be one, and not be of a newer version. */
export function openDatabase(path: string, mode: 'read' | 'write'): Db {
  if (!existsSync(path))
    throw new PolysemeError(`${path}: no such study; polyseme run makes one (option out)`, 'not-found');
  if (!statSync(path).isFile()) throw new PolysemeError(`${path} is not a file, so not a study`);
  const db = guard(path, () => new Database(mode === 'read' ? readOnly(path) : path));
  const pragma = (name: string): number =>
    guard(path, () => (db.prepare(`PRAGMA ${name}`).raw().all() as number[][])[0]![0]!);
  try {
    if (pragma('application_id') !== APPLICATION_ID)
      throw new PolysemeError(`${path} is not a study of Polyseme's`, 'damaged');
    const version = pragma('user_version');
    if (version > VERSION) {
      throw new PolysemeError(
        `${path} was made by a newer Polyseme (layout ${version}, this one reads ${VERSION}): update Polyseme`,
        'unsupported',
      );
    }
    checkSchema(path, createQuery(path, db));
  } catch (error) {
    db.close();
    throw error;
  }
  return db;
}

/** Refuses to write into a study that was begun in an earlier layout: its tables lack what is written now. */
export function checkLayout(path: string, db: Db): void {
  const [[version]] = guard(path, () => db.prepare('PRAGMA user_version').raw().all()) as [[number]];
  if (version < VERSION) {
    throw new PolysemeError(
      `${path} was begun by an earlier Polyseme (layout ${version}, this one writes ${VERSION}): finish it with that version, or choose option overwrite`,
      'unsupported',
    );
  }
}

/** SQLite's address of a file to be read; what is special in an address is escaped. */
function readOnly(path: string): string {
  return `file:${path.replace(/[%?#]/g, encodeURIComponent)}?mode=ro`;
}
