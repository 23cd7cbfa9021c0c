import { fourDigits, Json, type Numbers } from '../../answers/wire.ts';

/** Room for one number, or one piece of punctuation. */
const SMALL = 32;
/** Bytes kept between answers; a larger buffer is let go. */
const KEPT = 8 << 20;

let bytes = Buffer.allocUnsafe(1 << 18);
let at = 0;

/**
 * An answer as UTF-8 JSON. Float32Array: four significant digits, about 30 ns a number; everything else exact. What is
 * not finite is null; a property that is undefined is left out.
 */
export function toJson(value: unknown): Buffer<ArrayBuffer> {
  at = 0;
  write(value);
  const answer = Buffer.from(bytes.subarray(0, at));
  if (bytes.length > KEPT) bytes = Buffer.allocUnsafe(1 << 18);
  return answer;
}

function write(value: unknown): void {
  if (typeof value === 'number') {
    reserve(SMALL);
    writeNumber(value);
  } else if (typeof value === 'string') writeString(value);
  else if (value === null || typeof value !== 'object') writeText(JSON.stringify(value) ?? 'null');
  else if (value instanceof Json) writeBytes(value.bytes);
  else if (Array.isArray(value)) {
    open('[');
    for (let i = 0; i < value.length; i++) {
      if (i > 0) punctuate(COMMA);
      write(value[i]);
    }
    punctuate(CLOSE_ARRAY);
  } else if (ArrayBuffer.isView(value)) writeNumbers(value as Numbers);
  else writeObject(value as Readonly<Record<string, unknown>>);
}

const COMMA = 0x2c;
const COLON = 0x3a;
const CLOSE_ARRAY = 0x5d;
const CLOSE_OBJECT = 0x7d;
const ZERO = 0x30;
const POINT = 0x2e;
const MINUS = 0x2d;

function writeObject(object: Readonly<Record<string, unknown>>): void {
  open('{');
  let first = true;
  for (const key of Object.keys(object)) {
    const value = object[key];
    if (value === undefined) continue;
    if (!first) punctuate(COMMA);
    first = false;
    writeString(key);
    punctuate(COLON);
    write(value);
  }
  punctuate(CLOSE_OBJECT);
}

function writeNumbers(values: Numbers): void {
  reserve(2 + SMALL * values.length);
  bytes[at++] = 0x5b;
  if (values instanceof Float32Array) at = writeFloats(values, bytes, at);
  else {
    for (let i = 0; i < values.length; i++) {
      if (i > 0) bytes[at++] = COMMA;
      writeNumber(values[i]!);
    }
  }
  bytes[at++] = CLOSE_ARRAY;
}

function writeFloats(values: Float32Array, to: Uint8Array, start: number): number {
  let end = start;
  for (let i = 0; i < values.length; i++) {
    if (i > 0) to[end++] = COMMA;
    end = writeFourDigits(values[i]!, to, end);
  }
  return end;
}

function writeNumber(value: number): void {
  if (value >= 0 && value <= 0xffffffff && Math.floor(value) === value) {
    at = writeWhole(value, bytes, at);
  } else at = writeAscii(Number.isFinite(value) ? String(value) : 'null', bytes, at);
}

function writeWhole(value: number, to: Uint8Array, start: number): number {
  let end = start + 1;
  for (let power = 10; power <= value; power *= 10) end++;
  let rest = value;
  for (let i = end - 1; i >= start; i--) {
    const tenth = Math.floor(rest / 10);
    to[i] = ZERO + rest - 10 * tenth;
    rest = tenth;
  }
  return end;
}

/** By the exponent bits of a float32: the decimal exponent of the least number that has them (0: of the denormals). */
const EXPONENTS = Int8Array.from({ length: 256 }, (_, bits) =>
  Math.floor((Math.max(bits, 1) - 127) * Math.LOG10E * Math.LN2),
);
/** What makes that number 1000 … 9999. */
const FACTORS = Float64Array.from(EXPONENTS, (exponent) => Number(`1e${3 - exponent}`));
/** The digits of 0 … 9999, four bytes each with the first lowest, and how many are left without the zeros at the end. */
const DIGITS = Int32Array.from({ length: 10_000 }, (_, m) =>
  [3, 2, 1, 0].reduce((packed, k) => (packed << 8) | (ZERO + (Math.floor(m / 10 ** (3 - k)) % 10)), 0),
);
const SIGNIFICANT = Uint8Array.from({ length: 10_000 }, (_, m) =>
  m % 10 !== 0 ? 4 : m % 100 !== 0 ? 3 : m % 1000 !== 0 ? 2 : 1,
);

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** Writes a float32 rounded to four significant digits at `start` (at most 11 bytes); returns where it ends. */
export function writeFourDigits(value: number, to: Uint8Array, start: number): number {
  let end = start;
  if (value === 0) {
    to[end] = ZERO;
    return end + 1;
  }
  float[0] = value;
  const octave = (bits[0]! >>> 23) & 255;
  if (octave === 255) return writeNull(to, end);
  if (octave === 0) return writeDenormal(value, to, end);
  if (value < 0) to[end++] = MINUS;
  // Between two powers of two lies at most one power of ten.
  let exponent = EXPONENTS[octave]!;
  let size = Math.abs(value) * FACTORS[octave]!;
  if (size >= 9999.5) {
    size /= 10;
    exponent++;
  }
  const digits = (size + 0.5) | 0;
  const count = SIGNIFICANT[digits]!;
  // All four digits are written; those that are zeros at the end are written over by what follows.
  const four = DIGITS[digits]!;
  if (exponent < -5 || exponent > 9) {
    end = writePointed(four, count, to, end);
    to[end++] = 0x65;
    if (exponent < 0) to[end++] = MINUS;
    return writeWhole(Math.abs(exponent), to, end);
  }
  if (exponent === 0) return writePointed(four, count, to, end);
  if (exponent < 0) {
    to[end++] = ZERO;
    to[end++] = POINT;
    for (let i = -1; i > exponent; i--) to[end++] = ZERO;
    writeDigits(four, to, end);
    return end + count;
  }
  writeDigits(four, to, end);
  if (exponent >= 3) {
    for (let i = 4; i <= exponent; i++) to[end + i] = ZERO;
    return end + exponent + 1;
  }
  if (count <= exponent + 1) return end + exponent + 1;
  for (let i = 4; i > exponent + 1; i--) to[end + i] = to[end + i - 1]!;
  to[end + exponent + 1] = POINT;
  return end + count + 1;
}

function writeDigits(four: number, to: Uint8Array, start: number): void {
  to[start] = four & 255;
  to[start + 1] = (four >>> 8) & 255;
  to[start + 2] = (four >>> 16) & 255;
  to[start + 3] = four >>> 24;
}

/** `count` digits with a point after the first. */
function writePointed(four: number, count: number, to: Uint8Array, start: number): number {
  to[start] = four & 255;
  to[start + 1] = POINT;
  to[start + 2] = (four >>> 8) & 255;
  to[start + 3] = (four >>> 16) & 255;
  to[start + 4] = four >>> 24;
  return count > 1 ? start + 1 + count : start + 1;
}

function writeDenormal(value: number, to: Uint8Array, start: number): number {
  return writeAscii(String(fourDigits(value)), to, start);
}

function writeAscii(text: string, to: Uint8Array, start: number): number {
  for (let i = 0; i < text.length; i++) to[start + i] = text.charCodeAt(i);
  return start + text.length;
}

function writeNull(to: Uint8Array, start: number): number {
  to[start] = 0x6e;
  to[start + 1] = 0x75;
  to[start + 2] = 0x6c;
  to[start + 3] = 0x6c;
  return start + 4;
}

function open(bracket: '[' | '{'): void {
  punctuate(bracket.charCodeAt(0));
}

function punctuate(code: number): void {
  reserve(1);
  bytes[at++] = code;
}

/** Longest text that is tried letter by letter. */
const SHORT = 64;
const QUOTE = 0x22;

function writeString(text: string): void {
  if (text.length <= SHORT) {
    reserve(SHORT + 2);
    const end = writePlain(text, bytes, at);
    if (end > 0) {
      at = end;
      return;
    }
  }
  writeText(JSON.stringify(text));
}

/** Writes printable ASCII that needs no escape; 0 where the text is not that. */
function writePlain(text: string, to: Uint8Array, start: number): number {
  let end = start;
  to[end++] = QUOTE;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7e || code === QUOTE || code === 0x5c) return 0;
    to[end++] = code;
  }
  to[end++] = QUOTE;
  return end;
}

function writeText(text: string): void {
  reserve(3 * text.length);
  at += bytes.write(text, at, 'utf8');
}

function writeBytes(ready: Uint8Array): void {
  reserve(ready.length);
  bytes.set(ready, at);
  at += ready.length;
}

function reserve(room: number): void {
  if (at + room <= bytes.length) return;
  const larger = Buffer.allocUnsafe(Math.max(2 * bytes.length, at + room));
  bytes.copy(larger, 0, 0, at);
  bytes = larger;
}
