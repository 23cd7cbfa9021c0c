/** A text, or one part of a text that is too long to be handled at once. */
export interface Document {
  /** Where it comes from: `chapter/1.txt`, `books.jsonl:3 Emma`; from the second part of a text on `…#2`. */
  name: string;
  text: string;
  /** Its number among the documents of the corpus, from 0. */
  ordinal: number;
  /** Given to `documents(from)`, reading starts again with this document. */
  cursor: DocumentCursor;
  /** Share of the corpus, in bytes as stored, that reading has come to. */
  done: number;
}

/** Where a document begins in its corpus: plain JSON, valid as long as the files are unchanged. */
export interface DocumentCursor {
  /** Index of the file in the corpus. */
  file: number;
  /** Line of a JSONL file, else row of the file; from 1. */
  row: number;
  /** Part of the row's text, from 0. */
  part: number;
  /** Offset in the (uncompressed) file to go on reading from; 0 for formats that are found by row. */
  byte: number;
  /** The document's ordinal. */
  document: number;
}

/** Documents in a fixed order, read as they are asked for. */
export interface Corpus {
  /** The source as the user wrote it. */
  source: string;
  /** What it is, in words: `3 files, 12.4 MB`. */
  description: string;
  /** `stream`: too large, or too far away, to be read through before contexts are chosen. */
  kind: 'finite' | 'stream';
  /** Number of files, and their size together as stored, in bytes. */
  files: number;
  bytes: number;
  /** Other where the files are: a digest of their names, sizes and times. Undefined where the text comes from elsewhere. */
  stamp?: string;
  documents(from?: DocumentCursor): AsyncIterable<Document>;
}
