import { decodeText } from './select.ts';

/** Texts that SQLite's TEXT does not keep: a NUL ends it, and half of a surrogate pair has no UTF-8. */
const UNSAFE = /\0|\p{Cs}/u;

/** A text as a study stores it, so that `loadText` gives back every code unit: TEXT, or UTF-16LE as a blob. */
export function storedText(text: string): string | Buffer {
  return UNSAFE.test(text) ? Buffer.from(text, 'utf16le') : text;
}

/** The text that `storedText` stored, from the two values of `kindAndText`. @param what as for `decodeText` */
export function loadText(isBlob: unknown, value: unknown, what: string): string {
  if (isBlob !== 1 || !(value instanceof Uint8Array)) return decodeText(value, what);
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf16le');
}
