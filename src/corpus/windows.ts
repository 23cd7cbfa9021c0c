import { PolysemeError } from '../errors.ts';

/** The part of a tokenizer that contexts need. */
export interface TokenEncoder {
  /** Token ids of a text, without the special tokens that a tokenizer adds by itself. */
  encode(text: string): ArrayLike<number>;
  /** The token that begins a context where that is asked for; null where there is none. */
  readonly bosId?: number | null;
}

/** Fewest text tokens of a context, and so of a document. */
export const LEAST_TOKENS = 2;

/** How documents are cut: contexts of `length` tokens, the first of them BOS if `bos`. */
export interface WindowOptions {
  length: number;
  bos: boolean;
}

/** Text tokens of a full context. */
export function windowSize({ length, bos }: WindowOptions): number {
  const size = length - (bos ? 1 : 0);
  if (!Number.isInteger(length) || size < LEAST_TOKENS) {
    const least = LEAST_TOKENS + (bos ? 1 : 0);
    throw new PolysemeError(
      `context length ${length}: must be a whole number of at least ${least}${bos ? ' (BOS counts)' : ''}`,
    );
  }
  return size;
}

/** Contexts of a document of `tokens` text tokens: a last, shorter one counts if it has two tokens or more. */
export function windowCount(tokens: number, size: number): number {
  return Math.floor(tokens / size) + (tokens % size >= LEAST_TOKENS ? 1 : 0);
}

/** The tokens of a document's window, with BOS before them if it is given. */
export function windowTokens(
  tokens: Int32Array,
  window: number,
  size: number,
  bosId: number | undefined,
): Int32Array {
  const text = tokens.subarray(window * size, (window + 1) * size);
  const lead = bosId === undefined ? 0 : 1;
  const out = new Int32Array(lead + text.length);
  if (bosId !== undefined) out[0] = bosId;
  out.set(text, lead);
  return out;
}
