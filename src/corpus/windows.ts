import { PolysemeError } from '../errors.ts';

/** Special tokens around the text of each context. They count in its length; they run, but are no text. */
export interface Frame {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** The part of a tokenizer that contexts need. */
export interface TokenEncoder {
  /** Token ids of a text, without the special tokens that a tokenizer adds by itself. */
  encode(text: string): ArrayLike<number>;
  /** The token that begins a context where that is asked for; null where there is none. */
  readonly bosId?: number | null;
  /** What stands around every context whatever is asked for: an encoder's `[CLS]` and `[SEP]`. */
  readonly frame?: Frame | null;
}

/** Fewest text tokens of a context, and so of a document. */
export const LEAST_TOKENS = 2;

/** How documents are cut: contexts of `length` tokens, the first of them BOS if `bos`. */
export interface WindowOptions {
  length: number;
  bos: boolean;
}

/**
 * The special tokens around each context: BOS where it is asked for, or an encoder's own.
 * @throws PolysemeError where BOS is asked for and there is none, or the encoder has its own
 */
export function frameOf({ bosId, frame }: Omit<TokenEncoder, 'encode'>, bos: boolean): Frame {
  if (frame != null) {
    if (!bos) return frame;
    throw new PolysemeError(
      'contexts cannot begin with BOS: the model is an encoder, which reads each context between the special tokens of its tokenizer; choose option bos auto',
    );
  }
  if (!bos) return { before: [], after: [] };
  if (bosId != null) return { before: [bosId], after: [] };
  throw new PolysemeError('contexts cannot begin with BOS: the tokenizer has none; choose option bos no');
}

/** Text tokens of a full context of `length` tokens. */
export function windowSize(length: number, { before, after }: Frame): number {
  const special = before.length + after.length;
  const size = length - special;
  if (!Number.isInteger(length) || size < LEAST_TOKENS) {
    const counted = ['', ' (BOS counts)'][special] ?? ` (${special} special tokens count)`;
    throw new PolysemeError(
      `context length ${length}: must be a whole number of at least ${LEAST_TOKENS + special}${counted}`,
    );
  }
  return size;
}

/** Contexts of a document of `tokens` text tokens: a last, shorter one counts if it has two tokens or more. */
export function windowCount(tokens: number, size: number): number {
  return Math.floor(tokens / size) + (tokens % size >= LEAST_TOKENS ? 1 : 0);
}

/** The tokens of a document's window, in their frame. */
export function windowTokens(
  tokens: Int32Array,
  window: number,
  size: number,
  { before, after }: Frame,
): Int32Array {
  const text = tokens.subarray(window * size, (window + 1) * size);
  const out = new Int32Array(before.length + text.length + after.length);
  out.set(before);
  out.set(text, before.length);
  out.set(after, before.length + text.length);
  return out;
}
