import { isUtf8 } from 'node:buffer';
import { PolysemeError } from '../errors.ts';

/**
 * Decodes UTF-8 without replacing anything.
 *
 * @param where the file, as an error names it
 * @param offset of the bytes in the file
 * @throws PolysemeError with the byte offset of the first malformed character
 */
export function decodeUtf8(bytes: Buffer, where: string, offset = 0): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  const at = offset + firstMalformed(bytes);
  const hint = offset === 0 && isUtf16Mark(bytes) ? ' (it looks like UTF-16)' : '';
  throw new PolysemeError(`${where}: not UTF-8 at byte ${at}${hint}; convert the file to UTF-8`, 'damaged');
}

/** How many bytes at the end belong to a character whose rest is still to come (0–3). */
export function incompleteTail(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

/** Offset of the first malformed character of bytes that are not UTF-8. */
function firstMalformed(bytes: Buffer): number {
  // Bisection: a prefix without its incomplete last character is UTF-8 exactly as long as no error came yet.
  const complete = (end: number) => {
    const prefix = bytes.subarray(0, end);
    return prefix.subarray(0, end - incompleteTail(prefix));
  };
  let [good, bad] = [0, bytes.length + 1];
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    if (isUtf8(complete(middle))) good = middle;
    else bad = middle;
  }
  return complete(good).length;
}

function isUtf16Mark(bytes: Buffer): boolean {
  return (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
}
