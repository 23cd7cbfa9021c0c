import { isUtf8 } from 'node:buffer';
import { PolysemeError } from '../errors.ts';
import { type Db, guard } from './guard.ts';

// What a file holds in a column need not be of the column's type, and the binding ends the process at a text that is
// not UTF-8. So every value is selected through one of these, and texts are read as bytes and decoded here.

/** SQL of a column of whole numbers. */
export function integer(column: string): string {
  return `CAST(${column} AS INTEGER)`;
}

/** SQL of a column of numbers. */
export function real(column: string): string {
  return `CAST(${column} AS REAL)`;
}

/** SQL of a column of bytes, or of a text as its UTF-8 (see `decodeText`). */
export function bytes(column: string): string {
  return `CAST(${column} AS BLOB)`;
}

/** SQL of a column that holds what `storedText` made: two values (see `loadText`). */
export function kindAndText(column: string): string {
  return `typeof(${column}) = 'blob', ${bytes(column)}`;
}

/** Runs a query and gives its rows. */
export type Query = (sql: string, ...values: readonly (string | number)[]) => unknown[][];

/** Queries of one study, each prepared once. */
export function createQuery(path: string, db: Db): Query {
  const statements = new Map<string, ReturnType<Db['prepare']>>();
  return (sql, ...values) =>
    guard(path, () => {
      let statement = statements.get(sql);
      if (statement === undefined) {
        statement = db.prepare(sql).raw();
        statements.set(sql, statement);
      }
      return statement.all(...(values as [string]));
    }) as unknown[][];
}

/** A text from its UTF-8. @param what the study and the text, as an error names them */
export function decodeText(value: unknown, what: string): string {
  if (!(value instanceof Uint8Array)) throw new PolysemeError(`${what} is damaged: no text`, 'damaged');
  const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (!isUtf8(text)) throw new PolysemeError(`${what} is damaged: not valid UTF-8`, 'damaged');
  return text.toString();
}

/** A JSON value from its UTF-8. @param what as for `decodeText` */
export function decodeJson(value: unknown, what: string): unknown {
  try {
    return JSON.parse(decodeText(value, what));
  } catch (error) {
    if (error instanceof PolysemeError) throw error;
    throw new PolysemeError(`${what} is damaged: not valid JSON`, 'damaged');
  }
}

/** Whether a study has a table, which older ones may lack. */
export function hasTable(query: Query, name: string): boolean {
  return query('SELECT 1 FROM sqlite_schema WHERE name = ?', name).length > 0;
}
