import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { PolysemeError } from '../errors.ts';

/** Bytes of one document's text, as UTF-8, when it is read. */
const MAX_TEXT = 1 << 28;

/** The text of a document as a study keeps it. */
export interface StoredDocument {
  /** Its ordinal in the corpus. */
  readonly document: number;
  /** Deflated UTF-8. */
  readonly text: Uint8Array;
}

export function packText(text: string): Uint8Array {
  return deflateRawSync(text);
}

/** @param what the study and the document, as an error names them */
export function unpackText(packed: Uint8Array, what: string): string {
  try {
    return inflateRawSync(packed, { maxOutputLength: MAX_TEXT }).toString();
  } catch {
    throw new PolysemeError(`${what} is damaged: its text cannot be unpacked`, 'damaged');
  }
}
