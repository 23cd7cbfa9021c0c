import { PolysemeError } from '../../errors.ts';
import { byteText } from '../byte-tokens.ts';

/** `model` in `tokenizer.json`. */
export interface ModelJson {
  readonly type?: string;
  readonly vocab: Readonly<Record<string, number>> | readonly (readonly [string, number])[];
  readonly merges?: readonly (string | readonly string[])[];
  readonly unk_token?: string | null;
  readonly unk_id?: number | null;
  readonly continuing_subword_prefix?: string | null;
  readonly end_of_word_suffix?: string | null;
  readonly max_input_chars_per_word?: number;
  readonly byte_fallback?: boolean;
  readonly fuse_unk?: boolean;
  readonly ignore_merges?: boolean;
  readonly dropout?: number | null;
}

/** Words → tokens. */
export interface WordModel {
  /** Appends the tokens of a word, which do not depend on other words. */
  encode(word: string, ids: number[]): void;
  /** Cuts a word where no token can reach over, or null where that is not known. */
  readonly parts: ((word: string) => readonly string[]) | null;
}

/** The id of the token for unknown text, or null; a name that the vocabulary lacks is an error. */
export function unknownId(json: ModelJson, vocab: ReadonlyMap<string, number>, where: string): number | null {
  const { unk_token: token } = json;
  if (token == null) return null;
  const id = vocab.get(token);
  if (id !== undefined) return id;
  throw new PolysemeError(
    `${where} names ${JSON.stringify(token)} for unknown text, which is not in its vocabulary; add it to model.vocab`,
    'damaged',
  );
}

/** The tokens of a text's UTF-8 bytes (`<0xE2>`), or null where one of them is missing. */
export function byteIds(text: string, idOf: (token: string) => number | undefined): number[] | null {
  const ids: number[] = [];
  for (const byte of UTF8.encode(text)) {
    const id = idOf(byteText(byte));
    if (id === undefined) return null;
    ids.push(id);
  }
  return ids;
}

const UTF8 = new TextEncoder();
