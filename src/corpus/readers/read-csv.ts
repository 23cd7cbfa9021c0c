import { pipeline, Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { PolysemeError } from '../../errors.ts';
import { type Input, readBytes } from '../input.ts';
import { missingColumn, type Row, type RowCursor, rowLabel } from '../row-pieces.ts';
import { decodeUtf8, incompleteTail } from '../utf8.ts';

/** Longest record, in bytes: guards against a quotation mark that is never closed. */
export const RECORD_LIMIT = 1 << 26;

/** Rows of a CSV file with a header (RFC 4180); rows are numbered from 1 after the header. */
export async function* readCsv(input: Input, column: string, from: RowCursor): AsyncGenerator<Row> {
  const columns = (header: string[]) => {
    if (!header.includes(column)) throw missingColumn(input.name, column, header);
    return header;
  };
  const parser = parse({ columns, bom: true, skip_empty_lines: true, max_record_size: RECORD_LIMIT });
  const source = Readable.from(validBytes(input), { objectMode: false });
  pipeline(source, parser, () => {});
  let row = 0;
  try {
    for await (const record of parser as AsyncIterable<Record<string, string>>) {
      row++;
      if (row >= from.row) yield { row, byte: 0, text: record[column]!, label: rowLabel(record, column) };
    }
  } catch (error) {
    if (error instanceof CsvError) {
      throw new PolysemeError(
        `${input.name}: not well-formed CSV after row ${row} (${error.message})`,
        'damaged',
      );
    }
    throw error;
  } finally {
    source.destroy();
    parser.destroy();
  }
}

/** The bytes as they are, once they are known to be UTF-8. */
async function* validBytes(input: Input): AsyncGenerator<Buffer> {
  let tail: Buffer = Buffer.alloc(0);
  let offset = 0;
  for await (const chunk of readBytes(input)) {
    const bytes = tail.length > 0 ? Buffer.concat([tail, chunk]) : chunk;
    const whole = bytes.subarray(0, bytes.length - incompleteTail(bytes));
    decodeUtf8(whole, input.name, offset);
    offset += whole.length;
    tail = bytes.subarray(whole.length);
    yield whole;
  }
  decodeUtf8(tail, input.name, offset);
}
