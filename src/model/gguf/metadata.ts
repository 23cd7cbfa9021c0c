import { PolysemeError } from '../../errors.ts';
import type { GgufValue } from '../../tensors/gguf.ts';
import type { Gguf } from './open-gguf.ts';

/** A file's metadata with typed, checked access; keys without a dot at their start are those of its architecture. */
export class Metadata {
  readonly architecture: string;
  /** The file, for messages. */
  readonly label: string;
  readonly #gguf: Gguf;

  constructor(gguf: Gguf) {
    this.#gguf = gguf;
    this.label = gguf.label;
    const architecture = gguf.metadata.get('general.architecture');
    if (typeof architecture !== 'string')
      throw new PolysemeError(`${gguf.label}: its metadata has no general.architecture`, 'damaged');
    this.architecture = architecture;
  }

  /** A value of the architecture. */
  get(key: string): GgufValue | undefined {
    return this.#gguf.metadata.get(`${this.architecture}.${key}`);
  }

  size(key: string, fallback?: number): number {
    const value = this.get(key) ?? fallback;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1)
      throw this.error(`${this.architecture}.${key}`, value, 'a whole number of at least 1');
    return value;
  }

  positive(key: string, fallback?: number): number {
    const value = this.get(key) ?? fallback;
    if (typeof value !== 'number' || !(value > 0) || !Number.isFinite(value))
      throw this.error(`${this.architecture}.${key}`, value, 'a positive number');
    return shortest(value);
  }

  /** The id of a special token, where the file names one. */
  token(name: 'bos' | 'eos' | 'unknown' | 'padding' | 'seperator' | 'cls' | 'mask'): number | undefined {
    const key = `tokenizer.ggml.${name}_token_id`;
    const value = this.#gguf.metadata.get(key);
    if (value === undefined) return undefined;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0)
      throw this.error(key, value, 'a token’s id');
    return value;
  }

  text(key: string): string | undefined {
    const value = this.#gguf.metadata.get(key);
    if (value !== undefined && typeof value !== 'string') throw this.error(key, value, 'a text');
    return value;
  }

  flag(key: string): boolean | undefined {
    const value = this.#gguf.metadata.get(key);
    if (value !== undefined && typeof value !== 'boolean') throw this.error(key, value, 'true or false');
    return value;
  }

  texts(key: string): readonly string[] | undefined {
    return this.#list(key, 'string', 'texts') as readonly string[] | undefined;
  }

  numbers(key: string): readonly number[] | undefined {
    return this.#list(key, 'number', 'numbers') as readonly number[] | undefined;
  }

  /** Refuses keys whose values change the computation in a way that is not followed. */
  refuse(allowed: Readonly<Record<string, readonly GgufValue[]>>): void {
    for (const [key, values] of Object.entries(allowed)) {
      const value = this.get(key);
      if (value === undefined || values.includes(value)) continue;
      throw new PolysemeError(
        `${this.#gguf.label}: ${this.architecture}.${key} = ${JSON.stringify(value)} changes the computation and is not supported`,
        'unsupported',
      );
    }
  }

  has(tensor: string): boolean {
    return this.#gguf.tensors.has(tensor);
  }

  /** The shape of a tensor that must be there. */
  shape(tensor: string): readonly number[] {
    const found = this.#gguf.tensors.get(tensor);
    if (found === undefined)
      throw new PolysemeError(`${this.#gguf.label}: it has no tensor ${tensor}`, 'damaged');
    return found.shape;
  }

  error(key: string, value: unknown, wanted: string): PolysemeError {
    const shown = value === undefined ? 'missing' : JSON.stringify(value).slice(0, 80);
    return new PolysemeError(
      `${this.#gguf.label}: its metadata ${key} must be ${wanted}, not ${shown}`,
      'damaged',
    );
  }

  #list(key: string, type: 'string' | 'number', wanted: string) {
    const value = this.#gguf.metadata.get(key);
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || !value.every((item) => typeof item === type))
      throw this.error(key, value, `a list of ${wanted}`);
    return value as readonly (string | number)[];
  }
}

/** The shortest decimal that is the same 32-bit float: 1e-5 for what the file keeps as 9.999999747378752e-6. */
function shortest(value: number): number {
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
