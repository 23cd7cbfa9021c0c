/** JSON text that is ready, put into an answer as it is. */
export class Json {
  readonly bytes: Uint8Array;

  constructor(value: unknown) {
    this.bytes = Buffer.from(JSON.stringify(value));
  }
}

type Numbers = Float32Array | Float64Array | Int32Array | Uint32Array;

/** What a handler may give for an answer of type T: arrays may be typed arrays, or JSON that is ready. */
export type Wire<T> = T extends readonly (infer Item)[]
  ? readonly Wire<Item>[] | Json | (number extends Item ? Numbers : never)
  : T extends object
    ? { readonly [Key in keyof T]: Wire<T[Key]> }
    : T;

/** A number rounded to four significant digits. */
export function fourDigits(value: number): number {
  return Number(value.toPrecision(4));
}

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
  } else if (typeof value === 'string') writeText(JSON.stringify(value));
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
    writeText(JSON.stringify(key));
    punctuate(COLON);
    write(value);
  }
  punctuate(CLOSE_OBJECT);
}

function writeNumbers(values: Numbers): void {
  reserve(2 + SMALL * values.length);
  bytes[at++] = 0x5b;
  const short = values instanceof Float32Array;
  for (let i = 0; i < values.length; i++) {
    if (i > 0) bytes[at++] = COMMA;
    if (short) at = writeFourDigits(values[i]!, bytes, at);
    else writeNumber(values[i]!);
  }
  bytes[at++] = CLOSE_ARRAY;
}

function writeNumber(value: number): void {
  if (value >= 0 && value <= 0xffffffff && Math.floor(value) === value) {
    at = writeWhole(value, bytes, at);
  } else at += bytes.write(Number.isFinite(value) ? String(value) : 'null', at, 'latin1');
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

/** 10^k for k from −60 to 60, which covers float32. */
const POWERS = Float64Array.from({ length: 121 }, (_, i) => Number(`1e${i - 60}`));

/** Writes a number rounded to four significant digits at `start` (at most 13 bytes); returns where it ends. */
export function writeFourDigits(value: number, to: Uint8Array, start: number): number {
  let end = start;
  if (value === 0) {
    to[end++] = ZERO;
    return end;
  }
  if (!Number.isFinite(value)) {
    for (const code of NULL) to[end++] = code;
    return end;
  }
  if (value < 0) to[end++] = MINUS;
  const size = Math.abs(value);
  let exponent = Math.floor(Math.log10(size));
  let digits = Math.round(scaled(size, 3 - exponent));
  // The logarithm may be off by a rounding, and 9999.6 rounds to five digits.
  if (digits < 1000) {
    exponent--;
    digits = Math.round(scaled(size, 3 - exponent));
  } else if (digits > 9999) {
    exponent++;
    digits = Math.round(scaled(size, 3 - exponent));
  }
  let count = 4;
  while (digits % 10 === 0) {
    digits /= 10;
    count--;
  }
  if (exponent < -5 || exponent > 15) {
    end = writeMantissa(digits, count, 1, to, end);
    to[end++] = 0x65;
    if (exponent < 0) to[end++] = MINUS;
    return writeWhole(Math.abs(exponent), to, end);
  }
  if (exponent < 0) {
    to[end++] = ZERO;
    to[end++] = POINT;
    for (let i = -1; i > exponent; i--) to[end++] = ZERO;
    return writeMantissa(digits, count, count, to, end);
  }
  end = writeMantissa(digits, count, exponent + 1, to, end);
  for (let i = count; i <= exponent; i++) to[end++] = ZERO;
  return end;
}

const NULL = [0x6e, 0x75, 0x6c, 0x6c];

function scaled(size: number, power: number): number {
  return power >= 0 ? size * POWERS[60 + power]! : size / POWERS[60 - power]!;
}

/** `count` digits with a point after `whole` of them, where digits remain. */
function writeMantissa(digits: number, count: number, whole: number, to: Uint8Array, start: number): number {
  const point = whole < count ? 1 : 0;
  let rest = digits;
  for (let i = count - 1; i >= 0; i--) {
    const tenth = Math.floor(rest / 10);
    to[start + i + (i >= whole ? 1 : 0)] = ZERO + rest - 10 * tenth;
    rest = tenth;
  }
  if (point) to[start + whole] = POINT;
  return start + count + point;
}

function open(bracket: '[' | '{'): void {
  punctuate(bracket.charCodeAt(0));
}

function punctuate(code: number): void {
  reserve(1);
  bytes[at++] = code;
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
