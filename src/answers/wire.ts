/** JSON text that is ready, put into an answer as it is. */
export class Json {
  readonly bytes: Uint8Array;

  constructor(value: unknown) {
    this.bytes = new TextEncoder().encode(JSON.stringify(value));
  }
}

export type Numbers = Float32Array | Float64Array | Int32Array | Uint16Array | Uint32Array;

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

/** The answer that a reader of its JSON has: arrays of numbers in the place of typed ones, null for what is no number. */
export function plain<T>(wire: Wire<T>): T {
  return toPlain(wire) as T;
}

function toPlain(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Json) return JSON.parse(new TextDecoder().decode(value.bytes));
  if (value instanceof Float32Array) return Array.from(value, (one) => toPlain(fourDigits(one)));
  if (ArrayBuffer.isView(value)) return Array.from(value as Float64Array, toPlain);
  if (Array.isArray(value)) return value.map(toPlain);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, toPlain(each)]));
}
