import { PolysemeError } from '../../errors.ts';
import { type Input, readBytes } from '../input.ts';
import { readLines } from '../lines.ts';
import { jsonRow, type Row, type RowCursor } from '../row-pieces.ts';
import { decodeUtf8 } from '../utf8.ts';

/** Largest .json file, in bytes uncompressed: it is parsed as a whole. */
export const JSON_LIMIT = 1 << 28;

/** Rows of a JSONL file; rows are numbered as the lines, empty lines left out. */
export async function* readJsonLines(input: Input, column: string, from: RowCursor): AsyncGenerator<Row> {
  for await (const { number, byte, bytes } of readLines(input, from)) {
    const text = withoutMark(decodeUtf8(bytes, input.name, byte), byte);
    if (text.trim() === '') continue;
    const where = `${input.name}:${number}`;
    yield { row: number, byte, ...jsonRow(parse(text, where), column, where) };
  }
}

/** Rows of a JSON file: an array of objects or of strings. */
export async function* readJson(input: Input, column: string, from: RowCursor): AsyncGenerator<Row> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of readBytes(input)) {
    size += chunk.length;
    if (size > JSON_LIMIT) {
      throw new PolysemeError(
        `${input.name}: larger than ${JSON_LIMIT} bytes; write it as .jsonl, a row a line`,
      );
    }
    chunks.push(chunk);
  }
  const rows = parse(withoutMark(decodeUtf8(Buffer.concat(chunks), input.name), 0), input.name);
  if (!Array.isArray(rows)) {
    throw new PolysemeError(
      `${input.name}: a .json file must hold an array of rows; one object a line is .jsonl`,
      'damaged',
    );
  }
  for (let row = from.row; row <= rows.length; row++) {
    yield { row, byte: 0, ...jsonRow(rows[row - 1], column, `${input.name}:${row}`) };
  }
}

function withoutMark(text: string, byte: number): string {
  return byte === 0 && text.startsWith('\ufeff') ? text.slice(1) : text;
}

/** JSON; NaN, Infinity and -Infinity, which Python's json writes though JSON has them not, are null. */
function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const mended = withoutNaN(text);
    if (mended !== text) return parse(mended, where);
    // The engine's message quotes the text: keep it on one line.
    throw new PolysemeError(
      `${where}: not JSON (${(error as Error).message.replace(/\s+/g, ' ').slice(0, 200)})`,
      'damaged',
    );
  }
}

const NOT_A_NUMBER = /"|NaN|-?Infinity/g;

/** The text with null for each NaN and Infinity that stands in no string. */
function withoutNaN(text: string): string {
  const kept: string[] = [];
  let done = 0;
  NOT_A_NUMBER.lastIndex = 0;
  for (let match = NOT_A_NUMBER.exec(text); match !== null; match = NOT_A_NUMBER.exec(text)) {
    if (match[0] === '"') {
      const end = stringEnd(text, match.index);
      if (end === -1) break;
      NOT_A_NUMBER.lastIndex = end;
    } else {
      kept.push(text.slice(done, match.index), 'null');
      done = NOT_A_NUMBER.lastIndex;
    }
  }
  return kept.length === 0 ? text : kept.join('') + text.slice(done);
}

/** Where the string that opens at `start` is closed, or -1. */
function stringEnd(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    at = text.indexOf('"', at);
    if (at === -1) return -1;
    let slashes = 0;
    while (text[at - 1 - slashes] === '\\') slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
}
