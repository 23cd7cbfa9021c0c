import { PolysemeError } from '../errors.ts';
import type { Input } from './input.ts';
import { cutText } from './parts.ts';

/** Where a reader starts, and where a piece lies: see DocumentCursor. */
export interface RowCursor {
  row: number;
  part: number;
  byte: number;
}

/** A row of a file: its text, and what it calls itself. */
export interface Row {
  row: number;
  byte: number;
  text: string;
  label?: string;
}

/** A text or a part of one, as the corpus hands it out. */
export interface Piece extends RowCursor {
  name: string;
  text: string;
}

export const START: RowCursor = { row: 1, part: 0, byte: 0 };

/** Columns that name a row, the first that holds a short string. */
export const LABELS = ['title', 'name', 'id'];
/** Longest label, in characters. */
const LABEL_LIMIT = 80;
/** Most columns that an error lists. */
const LISTED_COLUMNS = 40;

/** Rows as documents: long texts in parts, rows of spaces left out. `from` is the cursor of the first one. */
export async function* rowPieces(
  rows: AsyncIterable<Row>,
  { name }: Input,
  from: RowCursor,
): AsyncGenerator<Piece> {
  for await (const { row, byte, text, label } of rows) {
    let part = 0;
    for (const piece of cutText(text)) {
      if ((row > from.row || part >= from.part) && /\S/.test(piece)) {
        const suffix = `${label === undefined ? '' : ` ${label}`}${part > 0 ? `#${part + 1}` : ''}`;
        yield { row, part, byte, name: `${name}:${row}${suffix}`, text: piece };
      }
      part++;
    }
  }
}

/** The text of a JSON value that is a row: a string, or an object with the column. */
export function jsonRow(value: unknown, column: string, where: string): Pick<Row, 'text' | 'label'> {
  if (typeof value === 'string') return { text: value };
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new PolysemeError(`${where}: a row must be an object or a string, not ${kindOf(value)}`);
  }
  const row = value as Record<string, unknown>;
  if (!Object.hasOwn(row, column)) throw missingColumn(where, column, Object.keys(row));
  return { text: columnText(row[column], column, where), label: rowLabel(row, column) };
}

/** A column's value as text: an array of strings is joined by line ends, null is empty, in an array too. */
export function columnText(value: unknown, column: string, where: string): string {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return '';
  if (!Array.isArray(value)) {
    throw new PolysemeError(
      `${where}: column "${column}" must hold text or an array of texts, not ${kindOf(value)}`,
    );
  }
  const odd = value.findIndex((item) => typeof item !== 'string' && item !== null && item !== undefined);
  if (odd >= 0) {
    const kind = kindOf(value[odd]);
    throw new PolysemeError(
      `${where}: column "${column}" holds an array whose item ${odd + 1} is ${kind}, not text`,
    );
  }
  return value.filter((item) => typeof item === 'string').join('\n');
}

/** What a row calls itself, if that is short. */
export function rowLabel(row: Record<string, unknown>, column: string): string | undefined {
  for (const key of LABELS) {
    const value = key !== column && Object.hasOwn(row, key) ? row[key] : undefined;
    if (typeof value === 'string' && value.length <= LABEL_LIMIT && /^[^\r\n]*\S[^\r\n]*$/.test(value))
      return value.trim();
  }
  return undefined;
}

/** Refuses a table without the column, or with two of its name. */
export function checkColumn(where: string, column: string, columns: string[]): void {
  if (!columns.includes(column)) throw missingColumn(where, column, columns);
  const places = columns.flatMap((name, i) => (name === column ? [i + 1] : []));
  if (places.length === 1) return;
  throw new PolysemeError(
    `${where}: ${places.length} columns are called "${column}" (${places.slice(0, 8).join(', ')} of ${columns.length}); ` +
      'give them names of their own',
  );
}

export function missingColumn(where: string, column: string, columns: string[]): PolysemeError {
  const shown = columns.slice(0, LISTED_COLUMNS).join(', ');
  const rest = columns.length > LISTED_COLUMNS ? `, and ${columns.length - LISTED_COLUMNS} more` : '';
  const list = columns.length === 0 ? 'there are no columns' : `the columns are ${shown}${rest}`;
  return new PolysemeError(
    `${where}: no column "${column}"; ${list}. Name the column of the text with option column`,
  );
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`;
}
