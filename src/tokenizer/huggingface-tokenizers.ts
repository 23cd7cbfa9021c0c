import * as library from '@huggingface/tokenizers';

// The package's declarations import each other without file extensions, so that Node's module resolution sees
// nothing but `any` in them: these are the parts of its public interface that are used here.

export interface LibraryTokenizer {
  readonly normalizer: ((text: string) => string) | null;
  readonly pre_tokenizer: object | null;
  /** Words → tokens. */
  readonly model: ((words: readonly string[]) => string[]) & {
    readonly fuse_unk: boolean;
    max_length_to_cache?: number;
  };
  readonly config: Readonly<Record<string, unknown>>;
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
  decode(
    ids: readonly number[],
    options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean },
  ): string;
  token_to_id(token: string): number | undefined;
  id_to_token(id: number): string | undefined;
  get_added_tokens_decoder(): Map<number, AddedToken>;
}

export interface AddedToken {
  readonly content: string;
  readonly special: boolean;
  /** Takes the white space before, or after, along. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** Looked for in the normalised text. */
  readonly normalized: boolean;
}

interface PreTokenizer {
  pre_tokenize_text(text: string): string[];
}

interface ByteLevel extends PreTokenizer {
  pattern: RegExp;
}

export const {
  Tokenizer,
  ByteLevelPreTokenizer,
  DigitsPreTokenizer,
  SequencePreTokenizer,
  SplitPreTokenizer,
} = library as unknown as {
  Tokenizer: new (json: object, config: object) => LibraryTokenizer;
  ByteLevelPreTokenizer: new (config: object) => ByteLevel;
  DigitsPreTokenizer: new (config: object) => PreTokenizer;
  SequencePreTokenizer: new (config: object) => PreTokenizer & { readonly tokenizers: readonly object[] };
  SplitPreTokenizer: new (config: object) => PreTokenizer;
};

/**
 * GPT-2's splitting into words. In Python's tokenizers `\s` is Unicode's White_Space; JavaScript's, which the
 * library uses, has U+FEFF more and U+0085 less.
 */
export const BYTE_LEVEL_PATTERN =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** The library's tokenizer for a parsed `tokenizer.json`, with the white space of Python's. */
export function createLibraryTokenizer(json: object, config: object): LibraryTokenizer {
  const absent = {
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
  };
  const tokenizer = new Tokenizer({ ...absent, ...json }, config);
  const { pre_tokenizer: root } = tokenizer;
  for (const part of root instanceof SequencePreTokenizer ? root.tokenizers : [root]) {
    if (part instanceof ByteLevelPreTokenizer) part.pattern = BYTE_LEVEL_PATTERN;
  }
  return tokenizer;
}
