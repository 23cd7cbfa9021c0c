import { PolysemeError } from '../../errors.ts';
import { type Input, readBytes } from '../input.ts';
import { checkColumn, type Row, type RowCursor, rowLabel } from '../row-pieces.ts';
import { decodeUtf8, incompleteTail } from '../utf8.ts';
import { csvRecords } from './csv-records.ts';

/** Rows of a CSV file with a header; rows are numbered from 1 after the header. */
export async function* readCsv(input: Input, column: string, from: RowCursor): AsyncGenerator<Row> {
  const check = (header: string[]): void => checkColumn(input.name, column, header);
  for await (const { row, record } of csvRows(input, check, from.row)) {
    yield { row, byte: 0, text: record[column]!, label: rowLabel(record, column) };
  }
}

/** Rows of a CSV file by the names of its columns. @param check refuses a header */
export async function* csvRows(
  input: Input,
  check: (header: string[]) => void,
  from = 1,
): AsyncGenerator<{ row: number; record: Record<string, string> }> {
  let header: string[] | undefined;
  let row = 0;
  for await (const fields of csvRecords(decoded(input), input.name)) {
    if (header === undefined) {
      check(fields);
      header = fields;
      continue;
    }
    row++;
    if (fields.length !== header.length) throw otherLength(input.name, row, fields.length, header.length);
    if (row < from) continue;
    yield { row, record: Object.fromEntries(header.map((name, i) => [name, fields[i]!])) };
  }
}

function otherLength(name: string, row: number, fields: number, columns: number): PolysemeError {
  return new PolysemeError(
    `${name}: row ${row} has ${fields} fields, the header ${columns}; put a field that holds a comma or a line end ` +
      'in quotation marks',
    'damaged',
  );
}

/** The text of a file, without its byte order mark. */
async function* decoded(input: Input): AsyncGenerator<string> {
  let tail: Buffer = Buffer.alloc(0);
  let offset = 0;
  for await (const chunk of readBytes(input)) {
    const bytes = tail.length > 0 ? Buffer.concat([tail, chunk]) : chunk;
    const whole = bytes.subarray(0, bytes.length - incompleteTail(bytes));
    const text = decodeUtf8(whole, input.name, offset);
    yield offset === 0 && text.startsWith('\ufeff') ? text.slice(1) : text;
    offset += whole.length;
    tail = bytes.subarray(whole.length);
  }
  decodeUtf8(tail, input.name, offset);
}
