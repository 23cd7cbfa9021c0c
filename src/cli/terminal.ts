import pc from 'picocolors';
import { visible, visibleJson } from '../base/visible.ts';
import { withFlags } from './flags.ts';

/** Colours of standard output: none when it is no terminal or NO_COLOR is set. */
export const colors = pc.createColors(Boolean(process.stdout.isTTY) && !process.env['NO_COLOR']);

/**
 * The token that a passage is shown for: bright, or between « and » where there are no colours. The space before a word is
 * no part of it.
 */
export function peakMark(token: string, style = (text: string) => text): string {
  const [space] = /^\s+(?=\S)|/.exec(token)!;
  const text = style(visible(token.slice(space.length)));
  return visible(space) + (colors.isColorSupported ? colors.bold(colors.inverse(text)) : `«${text}»`);
}

/** Prints a line on standard output. What is not ours in it (names, words, tokens) has passed `visible`. */
export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** A path in a line that may be typed: nothing in it is more than a part of one word to a shell. */
export function shellWord(text: string): string {
  return /^[\w./~+-]+$/.test(text) ? text : `'${visible(text).replaceAll("'", "'\\''")}'`;
}

/** Prints a note on standard error. */
export function printNote(text: string): void {
  process.stderr.write(`note: ${visible(withFlags(text))}\n`);
}

/** Says of a study that is not whole that it is not. */
export function noteUnfinished(path: string, { status }: { readonly status: string }): void {
  if (status !== 'complete') printNote(`${path} is unfinished: run its command again to continue`);
}

/** Prints one JSON document on standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(`${visibleJson(value)}\n`);
}

/** Milliseconds after which work that does not move has no time left to tell. */
const STILL = 10_000;

/** A progress line on standard error: rewritten on a terminal, else a plain line every few seconds. */
export class Progress {
  #started = performance.now();
  #shown = Number.NEGATIVE_INFINITY;
  #label = '';
  #first = 0;
  #done = 0;
  #moved = 0;
  #isWhole = false;

  /** @param done, total: in `unit`s; `extra`: what else is to be seen */
  show(label: string, done: number, total: number, unit: string, extra = ''): void {
    const now = performance.now();
    if (label !== this.#label) {
      this.end();
      this.#label = label;
      this.#started = now;
      this.#first = done;
      this.#done = done;
      this.#moved = now;
      this.#isWhole = false;
      this.#shown = Number.NEGATIVE_INFINITY;
    }
    const terminal = Boolean(process.stderr.isTTY);
    if (done !== this.#done) this.#moved = now;
    this.#done = done;
    const isEnd = done >= total && !this.#isWhole;
    if (!isEnd && now - this.#shown < (terminal ? 100 : 5000)) return;
    this.#shown = now;
    this.#isWhole = done >= total;
    // As it was when it last moved: while it waits, the time left does not grow.
    const rate = (done - this.#first) / ((this.#moved - this.#started) / 1000);
    const parts = [`${label}: ${number(done)} of ${number(total)} ${unit}`];
    if (Number.isFinite(rate) && rate > 0 && now - this.#moved < STILL) {
      parts.push(`${number(rate)}/s`);
      if (done < total) parts.push(`${duration((total - done) / rate)} left`);
    }
    if (extra !== '') parts.push(extra);
    const line = visible(parts.join(', '));
    const columns = process.stderr.columns ?? 80;
    process.stderr.write(terminal ? `\r\x1b[K${line.slice(0, columns - 1)}` : `${line}\n`);
  }

  /** Ends the current line. */
  end(): void {
    if (this.#label !== '' && process.stderr.isTTY) process.stderr.write('\n');
    this.#label = '';
  }
}

/** 12,345; four significant digits below a thousand. */
export function number(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

/** Columns aligned by width; numbers to the right. The first row is the heading. */
export function table(rows: readonly (readonly string[])[], right: readonly boolean[]): string[] {
  const widths = right.map((_, c) => Math.max(...rows.map((row) => width(row[c]!))));
  return rows.map((row, r) => {
    const cells = row.map((cell, c) => {
      const pad = ' '.repeat(widths[c]! - width(cell));
      return right[c] ? pad + cell : c === row.length - 1 ? cell : cell + pad;
    });
    const line = cells.join('  ').trimEnd();
    return r === 0 ? colors.bold(line) : line;
  });
}

/** Columns that a text takes, wide characters as two. */
function width(text: string): number {
  let columns = 0;
  for (const char of text)
    columns += /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}/u.test(char) ? 2 : 1;
  return columns;
}

/** A number or a word for a table: `–` for none. */
export function cell(value: number | string | null, digits = 3): string {
  if (value === null) return '–';
  if (typeof value === 'string') return value;
  if (Number.isInteger(value)) return value.toLocaleString('en-US');
  return value !== 0 && Math.abs(value) < 10 ** -digits ? value.toExponential(1) : value.toFixed(digits);
}
