import { checkAborted } from '../base/progress.ts';
import type { Document } from '../corpus/corpus.ts';
import { packText, type StoredDocument } from '../study/document-text.ts';
import type { StudyWriter } from '../study/writer.ts';

/**
 * Keeps in a study the texts of the documents that its examples lie in, each once, if they are `most` bytes or fewer; of more none.
 * They are read again, so that no text is held while units are harvested.
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
  for await (const { ordinal, text } of documents()) {
    if (!missing.delete(ordinal)) continue;
    bytes += Buffer.byteLength(text);
    if (bytes > most) {
      return `the documents of the examples have more than ${most / 1e6} MB of text, so the study keeps passages only (option keepText)`;
    }
    texts.push({ document: ordinal, text: packText(text) });
    checkAborted(signal);
    if (missing.size === 0) break;
  }
  writer.writeTexts(texts);
  return null;
}
