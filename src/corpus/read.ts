import type { Format } from './formats.ts';
import type { Input } from './input.ts';
import { readCsv } from './readers/read-csv.ts';
import { readJson, readJsonLines } from './readers/read-json.ts';
import { readParquet } from './readers/read-parquet.ts';
import { readText } from './readers/read-text.ts';
import { type Piece, type RowCursor, rowPieces } from './row-pieces.ts';

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
