import { PolysemeError } from '../errors.ts';
import { type Input, readBytes } from './input.ts';

/** Longest line, in bytes: a line is held in memory as a whole. */
export const LINE_LIMIT = 1 << 27;

export interface Line {
  /** from 1 */
  number: number;
  /** Offset of the line in the uncompressed file. */
  byte: number;
  /** Without its end (LF or CRLF). */
  bytes: Buffer;
}

/** The lines of a file, from the line that starts at `from.byte` and has the number `from.row`. */
export async function* readLines(input: Input, from: { row: number; byte: number }): AsyncGenerator<Line> {
  let { row: number, byte } = from;
  let pending: Buffer[] = [];
  let pendingSize = 0;
  for await (const chunk of readBytes(input, byte)) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      pending.push(chunk.subarray(start, end));
      const size = pendingSize + end - start;
      if (size > LINE_LIMIT) throw tooLong(input, number);
      yield {
        number,
        byte,
        bytes: withoutReturn(pending.length === 1 ? pending[0]! : Buffer.concat(pending)),
      };
      number++;
      byte += size + 1;
      pending = [];
      pendingSize = 0;
      start = end + 1;
    }
    if (start < chunk.length) pending.push(chunk.subarray(start));
    pendingSize += chunk.length - start;
    if (pendingSize > LINE_LIMIT) throw tooLong(input, number);
  }
  if (pendingSize > 0) yield { number, byte, bytes: withoutReturn(Buffer.concat(pending)) };
}

function withoutReturn(bytes: Buffer): Buffer {
  return bytes.at(-1) === 13 ? bytes.subarray(0, -1) : bytes;
}

function tooLong({ name }: Input, number: number): PolysemeError {
  return new PolysemeError(
    `${name}:${number}: the line is longer than ${LINE_LIMIT} bytes; split it into several rows`,
  );
}
