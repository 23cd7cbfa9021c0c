/** Texts that SQLite's TEXT does not keep: a NUL ends it, and half of a surrogate pair has no UTF-8. */
const UNSAFE = /\0|\p{Cs}/u;

/** A text as a study stores it, so that `loadText` gives back every code unit: TEXT, or UTF-16LE as a blob. */
export function storedText(text: string): string | Buffer {
  return UNSAFE.test(text) ? Buffer.from(text, 'utf16le') : text;
}

export function loadText(stored: unknown): string {
  if (!(stored instanceof Uint8Array)) return stored as string;
  return Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength).toString('utf16le');
}
