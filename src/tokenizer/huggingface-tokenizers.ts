import * as library from '@huggingface/tokenizers';

// The package's declarations import each other without file extensions, so that Node's module resolution sees
// nothing but `any` in them: these are the parts of its public interface that are used here. It decodes, adds the
// special tokens around a text, and translates regular expressions; text becomes ids in `encode/`, since the package
// differs there from Python's tokenizers.

export interface LibraryTokenizer {
  readonly model: { readonly tokens_to_ids: Map<string, number>; readonly vocab: string[] };
  /** Only for texts of one letter: the tokenizer has no normalisation, words or merges here. */
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
  decode(
    ids: readonly number[],
    options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean },
  ): string;
  token_to_id(token: string): number | undefined;
  id_to_token(id: number): string | undefined;
  get_added_tokens_decoder(): Map<number, { readonly content: string; readonly special: boolean }>;
}

const { Tokenizer, SplitPreTokenizer } = library as unknown as {
  Tokenizer: new (json: object, config: object) => LibraryTokenizer;
  SplitPreTokenizer: new (config: object) => { readonly pattern: RegExp };
};

/**
 * The library's tokenizer for a parsed `tokenizer.json`, without what only encoding needs.
 * @param idOf the tokens of its vocabulary
 */
export function createLibraryTokenizer(
  json: Record<string, unknown>,
  idOf: ReadonlyMap<string, number>,
): LibraryTokenizer {
  const { type, unk_token, end_of_word_suffix } = json['model'] as Record<string, unknown>;
  const absent = { added_tokens: [], post_processor: null, decoder: null };
  const model = { type, unk_token, end_of_word_suffix, vocab: {}, merges: [] };
  if (type === 'Unigram') model.type = 'WordLevel';
  const tokenizer = new Tokenizer({ ...absent, ...json, model, normalizer: null, pre_tokenizer: null }, {});
  // A vocabulary as an object would be copied entry by entry.
  const { tokens_to_ids: ids, vocab } = tokenizer.model;
  for (const [token, id] of idOf) {
    if (!ids.has(token)) ids.set(token, id);
    vocab[id] ??= token;
  }
  return tokenizer;
}

/** Oniguruma's regular expression as JavaScript's. */
export function translateRegExp(source: string): RegExp {
  return new SplitPreTokenizer({ type: 'Split', pattern: { Regex: source }, invert: true }).pattern;
}
