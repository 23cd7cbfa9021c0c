import type { Input } from './bytes.ts';
import { readCsv } from './csv.ts';
import type { Format } from './formats.ts';
import { readJson, readJsonLines } from './json.ts';
import { readParquet } from './parquet.ts';
import { type Piece, type RowCursor, rowPieces } from './rows.ts';
import { readText } from './text.ts';

/** The documents of one file, from a cursor on that an earlier reading gave. */
export function readPieces(
  input: Input,
  format: Format,
  column: string,
  from: RowCursor,
): AsyncGenerator<Piece> {
  if (format === 'txt') return readText(input, from);
  const read = { jsonl: readJsonLines, json: readJson, csv: readCsv, parquet: readParquet }[format];
  return rowPieces(read(input, column, from), input, from);
}
