import { PolysemeError } from '../errors.ts';
import { bytes, decodeText, type Query } from './select.ts';

/** The tables of a study; those of the first layout lack some. */
const TABLES = [
  'meta',
  'banks',
  'units',
  'details',
  'inputs',
  'bankInputs',
  'textSample',
  'passages',
  'contexts',
  'documents',
  'documentTexts',
  'tokens',
  'images',
];
/** Those of the second layout, of studies of images, and of studies that were made since there are such. */
const NOT_IN_ALL = ['bankInputs', 'textSample', 'passages', 'documentTexts', 'images'];
/** Entries of a file's schema: our tables, and the indices of their keys. */
const MAX_ENTRIES = 64;
/** Bytes of a table's definition. */
const MAX_SQL = 16_384;

const TABLE = /^CREATE TABLE (\w+) ?\((.*)\)( WITHOUT ROWID)?$/;
const KEY = /, ?PRIMARY KEY ?\(\w+(?:, ?\w+)*\)$/;
const COLUMN = /^\w+ (?:INTEGER|REAL|TEXT|BLOB)(?: PRIMARY KEY| NOT NULL| UNIQUE)*$/;

/**
 * Refuses a file with anything in its schema that a study has not: views and triggers run when something is read or
 * written, and so do generated columns, checks and virtual tables.
 */
export function checkSchema(path: string, query: Query): void {
  const refuse = (what: string): never => {
    throw new PolysemeError(`${path} is not a study of Polyseme's: ${what}`, 'damaged');
  };
  const [[encoding]] = query('PRAGMA encoding') as [[string]];
  if (encoding !== 'UTF-8') refuse(`its texts are ${encoding}, not UTF-8`);
  const entries = query(
    `SELECT ${['type', 'name', 'sql'].map(bytes).join(', ')} FROM sqlite_schema LIMIT ${MAX_ENTRIES + 1}`,
  );
  if (entries.length > MAX_ENTRIES) refuse(`its schema has more than ${MAX_ENTRIES} entries`);
  const found = new Set<string>();
  for (const entry of entries) {
    const [type, name] = entry.slice(0, 2).map((value) => decodeText(value, path)) as [string, string];
    const shown = JSON.stringify(name.slice(0, 80));
    const [, , sql] = entry;
    // The index of a key has no SQL of its own.
    if (type === 'index' && sql === null) continue;
    if (type !== 'table' || !TABLES.includes(name)) refuse(`it has a ${type.slice(0, 20)} ${shown}`);
    if (!(sql instanceof Uint8Array) || sql.length > MAX_SQL)
      refuse(`the definition of ${shown} is too long`);
    if (!isPlain(name, decodeText(sql, path))) refuse(`its table ${shown} has more than plain columns`);
    found.add(name);
  }
  const missing = TABLES.find((name) => !found.has(name) && !NOT_IN_ALL.includes(name));
  if (missing !== undefined) refuse(`it has no table ${missing}`);
}

/** Whether a table's definition has plain columns and a key, and nothing else. */
function isPlain(name: string, sql: string): boolean {
  const [, own, body] = TABLE.exec(sql.replace(/\s+/g, ' ').replace(/\( | \)/g, (at) => at.trim())) ?? [];
  if (own !== name) return false;
  return body!
    .replace(KEY, '')
    .split(',')
    .every((column) => COLUMN.test(column.trim()));
}
