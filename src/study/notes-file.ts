import { isUtf8 } from 'node:buffer';
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
} from 'node:fs';
import { diskFull, isDiskFull, writeAllSync } from '../base/files.ts';
import { PolysemeError } from '../errors.ts';

/** Bytes of a file of notes. */
const MAX_BYTES = 64 << 20;
const NEWLINE = 0x0a;

/** Where the notes on a study are kept: `study.notes.jsonl` for `study.db`. */
export function notesPath(study: string): string {
  return `${study.replace(/\.db$/, '')}.notes.jsonl`;
}

/** The lines of a file of notes; null stands for one that is not UTF-8. Without a file there are none. */
export function readNoteLines(path: string): (string | null)[] {
  if (!existsSync(path)) return [];
  const stat = statSync(path);
  if (!stat.isFile()) throw new PolysemeError(`cannot read ${path}: it is not a file; move it away`);
  const { size } = stat;
  if (size > MAX_BYTES) {
    throw new PolysemeError(`${path} has ${size} bytes (limit ${MAX_BYTES}): move it away`, 'bad-input');
  }
  const bytes = readFileSync(path);
  const lines: (string | null)[] = [];
  for (let start = 0; start < bytes.length; ) {
    const next = bytes.indexOf(NEWLINE, start);
    const end = next < 0 ? bytes.length : next;
    const line = bytes.subarray(start, end);
    lines.push(isUtf8(line) ? line.toString() : null);
    start = end + 1;
  }
  return lines;
}

/**
 * Adds a line at the end of a file of notes; nothing in it is ever changed. Several programs may add lines at once: each
 * goes in by one write at the file's end. After a line that was cut off the new one begins a line of its own.
 * @param line with its end
 */
export function appendNoteLine(path: string, line: string): void {
  let file: number | null = null;
  try {
    file = openSync(path, 'a+');
    const { size } = fstatSync(file);
    if (size + line.length > MAX_BYTES) {
      throw new PolysemeError(`${path} is full (limit ${MAX_BYTES} bytes): move it away`, 'bad-input');
    }
    const last = Buffer.alloc(1);
    const isCut = size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last[0] !== NEWLINE;
    writeAllSync(file, [Buffer.from(isCut ? `\n${line}` : line)]);
    fsyncSync(file);
  } catch (error) {
    if (error instanceof PolysemeError) throw error;
    if (isDiskFull(error)) throw diskFull(path);
    const { message } = error as Error;
    throw new PolysemeError(`${path} cannot be written: ${message}`, 'bad-input');
  } finally {
    if (file !== null) closeSync(file);
  }
}
