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
