import { PolysemeError } from '../errors.ts';
import { createEncoder, type EncoderJson } from './encode/encoder.ts';
import { createLibraryTokenizer, type LibraryTokenizer } from './huggingface-tokenizers.ts';
import { createTokenTexts } from './token-text.ts';
import { readVocabulary, type Vocabulary } from './vocabulary.ts';

/** A model's tokenizer, from its own `tokenizer.json`. */
export interface Tokenizer {
  /** Token ids of a text, without the special tokens that the tokenizer adds by itself. */
  encode(text: string): Int32Array;
  /** The text of ids, special tokens included. */
  decode(ids: ArrayLike<number>): string;
  /**
   * One token for display: byte-level bytes and ▁ mapped back, bytes that are no whole character as `<0xE2>`,
   * special tokens as they are. For ASCII text s, `texts(encode(s)).join('')` is s; a tokenizer that puts a dummy
   * space before its text (Llama's) gives ' ' + s, and a WordPiece one each word after one space.
   */
  text(id: number): string;
  texts(ids: ArrayLike<number>): string[];
  /** The token that starts a document, or null where the tokenizer has none. */
  readonly bosId: number | null;
  /** Whether the tokenizer by itself puts `bosId` before a text. */
  readonly addsBos: boolean;
  /**
   * An encoder's: the special tokens that the tokenizer by itself puts around a text, and that stand around every
   * context; null where the model reads from left to right.
   */
  readonly frame: { readonly before: readonly number[]; readonly after: readonly number[] } | null;
  /**
   * Tokens that are no text: they run, but are never examples and enter no statistic. `bosId` is always one of them.
   */
  readonly specialIds: ReadonlySet<number>;
  /** Highest id + 1. */
  readonly size: number;
}

/** The files that a tokenizer is made of, as parsed JSON: unchecked values. */
export interface TokenizerFiles {
  /** `tokenizer.json` */
  readonly tokenizer: Record<string, unknown>;
  /** `tokenizer_config.json`, or nothing. */
  readonly tokenizerConfig?: Record<string, unknown>;
  /** The model's `config.json`, or nothing. */
  readonly modelConfig?: Record<string, unknown>;
  /** Where `tokenizer` lies, for messages. */
  readonly path: string;
  /** The model reads both ways: its contexts stand in the tokenizer's `frame`, and begin with no BOS. */
  readonly isEncoder?: boolean;
}

/**
 * Makes a tokenizer of a checkpoint's files. The configurations name the first token, where the tokenizer does not add
 * it by itself.
 *
 * @throws PolysemeError where the files are damaged, or hold no tokenizer
 */
export function createTokenizer({
  tokenizer: json,
  tokenizerConfig = {},
  modelConfig = {},
  path,
  isEncoder = false,
}: TokenizerFiles): Tokenizer {
  const vocabulary = readVocabulary(json, path);
  const { size } = vocabulary;
  const { inner, encode } = construct(json, vocabulary, path);
  const texts = createTokenTexts(inner, json, size);

  const frame = isEncoder ? findFrame(inner) : null;
  const { bosId, addsBos } =
    frame === null ? findBos(inner, tokenizerConfig, modelConfig, size) : { bosId: null, addsBos: false };
  const specialIds = new Set(
    [...inner.get_added_tokens_decoder()].filter(([, { special }]) => special).map(([id]) => id),
  );
  for (const id of frame === null ? [bosId] : [...frame.before, ...frame.after]) {
    if (id !== null) specialIds.add(id);
  }

  return {
    encode,
    decode(ids) {
      const known = Array.from(ids).filter((id) => inner.id_to_token(id) !== undefined);
      if (known.length === 0) return '';
      return inner.decode(known, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
    },
    text: texts,
    texts: (ids) => Array.from(ids, texts),
    bosId,
    addsBos,
    frame,
    specialIds,
    size,
  };
}

function construct(json: Record<string, unknown>, { idOf }: Vocabulary, path: string) {
  try {
    const inner = createLibraryTokenizer(json, idOf);
    const encode = createEncoder(json as unknown as EncoderJson, idOf, path);
    inner.encode('a', { add_special_tokens: true });
    return { inner, encode };
  } catch (error) {
    if (error instanceof PolysemeError) throw error;
    throw new PolysemeError(
      `${path} is not a tokenizer that can be read: ${(error as Error).message}`,
      'damaged',
    );
  }
}

/** The first token: what encoding adds, else what the tokenizer's or the model's configuration names. */
function findBos(
  inner: LibraryTokenizer,
  tokenizerConfig: Record<string, unknown>,
  modelConfig: Record<string, unknown>,
  size: number,
): { bosId: number | null; addsBos: boolean } {
  const bare = inner.encode('a', { add_special_tokens: false }).ids;
  const full = inner.encode('a', { add_special_tokens: true }).ids;
  const added = full.length > bare.length && full[0] !== bare[0] ? full[0] : undefined;

  const { bos_token: token } = tokenizerConfig as { bos_token?: string | { content?: string } | null };
  const content = typeof token === 'object' ? token?.content : token;
  const named = typeof content === 'string' ? inner.token_to_id(content) : undefined;
  const { bos_token_id: id } = modelConfig;
  const configured =
    Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < size ? (id as number) : null;

  const bosId = added ?? named ?? configured;
  return { bosId, addsBos: added !== undefined };
}

/** What encoding adds before and after a text. */
function findFrame(inner: LibraryTokenizer): NonNullable<Tokenizer['frame']> {
  const bare = inner.encode('a', { add_special_tokens: false }).ids;
  const full = inner.encode('a', { add_special_tokens: true }).ids;
  const start = full.findIndex((_, i) => bare.every((id, k) => full[i + k] === id));
  return { before: full.slice(0, start), after: full.slice(start + bare.length) };
}
