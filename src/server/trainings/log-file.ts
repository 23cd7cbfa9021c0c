import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { LOG_FIGURES, type LogFigure } from '../../sae/trainer/log-figures.ts';
import { type LogLine, parseLogLine } from '../../train/log.ts';

/** At most this many bytes of a log are read: some 500,000 lines. */
const LOG_BYTES = 256 << 20;
/** A line may have this many bytes. */
const LINE_BYTES = 64 << 10;
/** Lines kept in memory; when there are more, every second one is. */
const KEPT_LINES = 1 << 14;
/** An answer holds at most this many lines. */
export const ANSWER_LINES = 1000;
/** A log is read in pieces of this many bytes. */
const CHUNK = 256 << 10;
/** Bytes before the offset read up to that must still be there for reading to go on from it. */
const MARK_BYTES = 64;

/** How files are opened: not through a link, and not waiting for a pipe's other end. */
export const READ = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

let epochs = 0;

/** Lines of a log, by column. */
export interface LogColumns {
  readonly thinned: boolean;
  readonly step: number[];
  readonly tokens: number[];
  readonly figures: Record<LogFigure, Float32Array>;
}

/**
 * A training's log, read as it grows: each look reads only what was appended. Where the log was rewritten (a training
 * that goes on cuts it back to its checkpoint), it is read anew and `epoch` changes.
 */
export class LogFile {
  /** Another number whenever lines that were there are no more; no other log has it. */
  epoch = epochs++;
  /** Lines that could not be read. */
  skipped = 0;
  /** Whether the log is longer than what is read of it. */
  cut = false;
  last: LogLine | null = null;
  /** When it was last written to, in milliseconds since 1970; 0: never. */
  written = 0;

  readonly #path: string;
  #reading: Promise<void> | null = null;
  #inode = 0;
  #size = 0;
  #offset = 0;
  #mark = Buffer.alloc(0);
  #pending = Buffer.alloc(0);
  /** The line being read is too long: its rest is passed over. */
  #overlong = false;
  /** Lines read; every `#stride`th is kept. */
  #seen = 0;
  #stride = 1;
  #rows: LogLine[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  /** Reads what is new. */
  refresh(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  /** The lines after a step, or all: at most ANSWER_LINES, spread evenly, the last one among them. */
  after(step: number): LogColumns {
    const rows = this.#rows;
    const { last } = this;
    let first = 0;
    for (let high = rows.length; first < high; ) {
      const middle = (first + high) >> 1;
      if (rows[middle]!.step > step) high = middle;
      else first = middle + 1;
    }
    const found = rows.slice(first);
    if (last !== null && last !== rows.at(-1) && last.step > step) found.push(last);
    const thinned = found.length > ANSWER_LINES;
    const shown = thinned
      ? Array.from(
          { length: ANSWER_LINES },
          (_, i) => found[Math.round((i * (found.length - 1)) / (ANSWER_LINES - 1))]!,
        )
      : found;
    return {
      thinned: thinned || this.#stride > 1,
      step: shown.map((line) => line.step),
      tokens: shown.map((line) => line.tokens),
      figures: Object.fromEntries(
        LOG_FIGURES.map((name) => [name, Float32Array.from(shown, (line) => line[name] ?? Number.NaN)]),
      ) as Record<LogFigure, Float32Array>,
    };
  }

  async #read(): Promise<void> {
    let file: FileHandle;
    try {
      file = await open(this.#path, READ);
    } catch {
      // Not there yet, taken away, or not ours to read.
      this.#restart(0);
      this.written = 0;
      return;
    }
    try {
      const stat = await file.stat();
      const { ino, size, mtimeMs } = stat;
      const isFile = stat.isFile();
      if (isFile && ino === this.#inode && size === this.#size && mtimeMs === this.written) return;
      if (!isFile || ino !== this.#inode || size < this.#offset || !(await this.#isAsRead(file))) {
        this.#restart(ino);
      }
      if (!isFile) return;
      this.#size = size;
      this.written = mtimeMs;
      this.cut = size > LOG_BYTES;
      const chunk = Buffer.allocUnsafe(CHUNK);
      const end = Math.min(size, LOG_BYTES);
      while (this.#offset < end) {
        const most = Math.min(CHUNK, end - this.#offset);
        const { bytesRead } = await file.read(chunk, 0, most, this.#offset);
        if (bytesRead === 0) break;
        const bytes = chunk.subarray(0, bytesRead);
        this.#offset += bytesRead;
        this.#mark = Buffer.concat([this.#mark, bytes.subarray(-MARK_BYTES)]).subarray(-MARK_BYTES);
        this.#take(bytes);
      }
    } finally {
      await file.close();
    }
  }

  async #isAsRead(file: FileHandle): Promise<boolean> {
    const there = Buffer.alloc(this.#mark.length);
    await file.read(there, 0, there.length, this.#offset - there.length);
    return there.equals(this.#mark);
  }

  #restart(inode: number): void {
    if (this.last !== null) this.epoch = epochs++;
    this.#inode = inode;
    this.#size = this.#offset = this.#seen = this.skipped = 0;
    this.#stride = 1;
    this.#rows = [];
    this.#mark = this.#pending = Buffer.alloc(0);
    this.#overlong = this.cut = false;
    this.last = null;
  }

  /** Takes the next bytes; a line is read when its end is there. */
  #take(bytes: Buffer): void {
    for (let start = 0; ; ) {
      const end = bytes.indexOf(0x0a, start);
      const part = bytes.subarray(start, end < 0 ? bytes.length : end);
      if (this.#pending.length + part.length > LINE_BYTES) this.#overlong = true;
      this.#pending = this.#overlong ? Buffer.alloc(0) : Buffer.concat([this.#pending, part]);
      if (end < 0) return;
      const text = this.#pending.toString('utf8');
      const line = this.#overlong ? null : parseLogLine(text);
      if (line !== null) this.#push(line);
      else if (this.#overlong || text.trim() !== '') this.skipped++;
      this.#pending = Buffer.alloc(0);
      this.#overlong = false;
      start = end + 1;
    }
  }

  #push(line: LogLine): void {
    // A training that went on without cutting its log back: what it does again takes the place of what it did.
    if (this.last !== null && line.step <= this.last.step) {
      while (this.#rows.length > 0 && this.#rows.at(-1)!.step >= line.step) this.#rows.pop();
      this.epoch = epochs++;
    }
    this.last = line;
    this.#seen++;
    if (this.#seen % this.#stride !== 0) return;
    this.#rows.push(line);
    if (this.#rows.length < KEPT_LINES) return;
    this.#rows = this.#rows.filter((_, i) => i % 2 === 1);
    this.#stride *= 2;
  }
}
