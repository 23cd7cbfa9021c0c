import { type Input, readBytes } from '../input.ts';
import { cutPoint, DOCUMENT_LIMIT } from '../parts.ts';
import type { Piece, RowCursor } from '../row-pieces.ts';
import { decodeUtf8, incompleteTail } from '../utf8.ts';

/** A text file: one document, or its parts where it is long. Line ends become LF; a byte order mark is dropped. */
export async function* readText(input: Input, from: RowCursor): AsyncGenerator<Piece> {
  let { byte, part } = from;
  let pending = '';
  const take = (end: number): Piece | undefined => {
    const raw = pending.slice(0, end);
    const cursor = { row: 1, part, byte };
    pending = pending.slice(end);
    part++;
    byte += Buffer.byteLength(raw);
    const text = (cursor.byte === 0 && raw.startsWith('\ufeff') ? raw.slice(1) : raw).replaceAll(
      '\r\n',
      '\n',
    );
    const name = cursor.part > 0 ? `${input.name}#${cursor.part + 1}` : input.name;
    return /\S/.test(text) ? { ...cursor, name, text } : undefined;
  };

  let tail: Buffer = Buffer.alloc(0);
  let decoded = byte;
  for await (const chunk of readBytes(input, byte)) {
    const bytes = tail.length > 0 ? Buffer.concat([tail, chunk]) : chunk;
    const whole = bytes.subarray(0, bytes.length - incompleteTail(bytes));
    pending += decodeUtf8(whole, input.name, decoded);
    decoded += whole.length;
    tail = bytes.subarray(whole.length);
    while (pending.length > DOCUMENT_LIMIT) {
      const piece = take(cutPoint(pending, DOCUMENT_LIMIT));
      if (piece) yield piece;
    }
  }
  pending += decodeUtf8(tail, input.name, decoded);
  const last = take(pending.length);
  if (last) yield last;
}
