import { checkAborted } from '../base/progress.ts';
import type { Document } from '../corpus/corpus.ts';
import { PolysemeError } from '../errors.ts';
import { packText, type StoredDocument } from '../study/document-text.ts';
import type { StudyWriter } from '../study/writer.ts';

/**
 * Keeps in a study the texts of the documents that its examples lie in, each once, if they are `most` bytes or fewer; of more none.
 * They are read again, up to the last of them, so that no text is held while units are harvested: of a stream too, for to read is
 * a small part of what a model takes. What cannot be read again fails no run that has all else.
 * @returns what the user should know, or null
 */
export async function writeTexts(
  writer: StudyWriter,
  documents: () => AsyncIterable<Document>,
  most: number,
  signal?: AbortSignal,
): Promise<string | null> {
  const missing = writer.missingTexts();
  if (missing.size === 0) return null;
  const texts: StoredDocument[] = [];
  let bytes = 0;
  try {
    for await (const { ordinal, name, text } of documents()) {
      checkAborted(signal);
      // Of a text that is another by now, documents of another name are not those of the examples.
      if (missing.get(ordinal) !== name) continue;
      missing.delete(ordinal);
      bytes += Buffer.byteLength(text);
      if (bytes > most) {
        return `the documents of the examples have more than ${most / 1e6} MB of text, so the study keeps passages only (option keepText)`;
      }
      texts.push({ document: ordinal, text: packText(text) });
      if (missing.size === 0) break;
    }
  } catch (error) {
    if (error instanceof PolysemeError && error.code === 'aborted') throw error;
    const why = error instanceof Error ? error.message : String(error);
    return `the documents of the examples could not be read again, so the study keeps passages only: ${why}`;
  }
  writer.writeTexts(texts);
  if (missing.size === 0) return null;
  const all = missing.size + texts.length;
  return `${missing.size} of the ${all} documents of the examples were not there when the text was read again: of these the study keeps passages only`;
}
